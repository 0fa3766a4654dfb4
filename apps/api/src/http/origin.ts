import type { IncomingHttpHeaders } from 'node:http';

/** A browser says where a request comes from; anything but this very origin is foreign. Other clients say nothing. */
export function isForeignOrigin(headers: IncomingHttpHeaders): boolean {
  const { origin } = headers;
  if (origin === undefined) return headers['sec-fetch-site'] !== undefined && !['same-origin', 'none'].includes(String(headers['sec-fetch-site']));
  if (!URL.canParse(origin)) return true;
  return new URL(origin).host !== headers.host;
}

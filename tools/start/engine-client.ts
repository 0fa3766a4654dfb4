import { type IncomingMessage, request } from 'node:http';
import { Advice } from '../process/report.ts';

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return text;
}

interface Body {
  readonly type: string;
  readonly content: Buffer;
}

function send(socketPath: string, method: string, path: string, signal: AbortSignal, body?: Body): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = body ? { 'content-type': body.type, 'content-length': body.content.length } : {};
    const call = request({ socketPath, method, path, headers, signal }, (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    call.on('error', reject).end(body?.content);
  });
}

export async function ping(socketPath: string): Promise<boolean> {
  return send(socketPath, 'GET', '/_ping', AbortSignal.timeout(2_000)).then(
    ({ status }) => status === 200,
    () => false,
  );
}

const buildTimeoutMs = 180_000;

/** The answer is a stream of JSON lines; a failure is one of them, under a 200. */
export async function buildImage(socketPath: string, tag: string, context: Buffer, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(buildTimeoutMs)]);
  const { status, text } = await send(socketPath, 'POST', `/build?t=${encodeURIComponent(tag)}`, limit, { type: 'application/x-tar', content: context });
  const failure = text.split('\n').find((line) => line.includes('"error"'));
  if (status !== 200 || failure) throw new Advice(`The demo image could not be built (HTTP ${status}): ${failure ?? text}`);
}

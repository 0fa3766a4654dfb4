import { describe, expect, it } from 'vitest';
import { BodyDecoder } from './body-decoder.ts';

/** Every way to cut the bytes in two must read the same. */
function decodeInTwo(headers: Record<string, string>, bytes: Buffer, cut: number): { body: string; rest: string } {
  const decoder = new BodyDecoder(headers);
  let body = '';
  let rest = '';
  for (const part of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
    if (decoder.isDone) {
      rest += part.toString();
      continue;
    }
    const decoded = decoder.push(part);
    body += decoded.body.toString();
    rest += decoded.rest?.toString() ?? '';
  }
  return { body, rest };
}

describe('BodyDecoder', () => {
  it.each([
    ['counted', { 'content-length': '5' }, 'hello', 'REST'],
    ['chunked and empty', { 'transfer-encoding': 'chunked' }, '', 'REST'],
    ['chunked', { 'transfer-encoding': 'chunked' }, '{"Detach":false}', 'ls\n'],
    ['none', {}, '', 'REST'],
  ])('cuts a %s body from what follows, however it arrives', (_name, headers, body, rest) => {
    const isChunked = 'transfer-encoding' in headers;
    const coded = isChunked ? `${body === '' ? '' : `${body.length.toString(16)};x=y\r\n${body}\r\n`}0\r\nTrailer: t\r\n\r\n` : body;
    const bytes = Buffer.from(coded + rest);
    for (let cut = 0; cut <= bytes.length; cut++) expect(decodeInTwo(headers, bytes, cut), `cut at ${cut}`).toEqual({ body, rest });
  });

  it('takes raw bytes after an announced but missing chunked body as input', () => {
    const decoder = new BodyDecoder({ 'transfer-encoding': 'chunked' });
    expect(decoder.push(Buffer.from('exit 7\n')).rest?.toString()).toBe('exit 7\n');
  });
});

import { Readable } from 'node:stream';

const magics = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
] as const;
export type Compression = 'none' | (typeof magics)[number][0];

export function detectCompression(start: Uint8Array): Compression {
  return magics.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte))?.[0] ?? 'none';
}

/** The bytes themselves: what is compressed goes through `decode`, which is not this process' to do. */
export async function decompress(source: Readable, decode: (compressed: Readable) => Readable): Promise<Readable> {
  const iterator = source.iterator({ destroyOnReturn: true });
  const parts: Buffer[] = [];
  let length = 0;
  while (length < 6) {
    const next = await iterator.next();
    if (next.done === true) break;
    parts.push(Buffer.from(next.value));
    length += next.value.length;
  }
  const start = Buffer.concat(parts);
  async function* whole(): AsyncGenerator<Buffer> {
    if (start.length > 0) yield start;
    for await (const chunk of iterator) yield chunk;
  }
  const all = Readable.from(whole(), { objectMode: false, highWaterMark: 1 << 20 });
  return detectCompression(start) === 'none' ? all : decode(all);
}

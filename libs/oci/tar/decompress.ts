import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { operational } from '@gantry/platform/errors';

export type Compression = 'none' | 'gzip' | 'zstd';

const magics: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
];

export function detectCompression(start: Uint8Array): Compression {
  const found = magics.find(([, bytes]) => bytes.every((byte, index) => start[index] === byte))?.[0] ?? 'none';
  if (found === 'none' || found === 'gzip' || found === 'zstd') return found;
  throw operational('unsupported', `${found} compression is not supported: use gzip, zstd or none`);
}

/** The bytes themselves, whatever of gzip and zstd they come in. */
export async function decompress(source: Readable): Promise<Readable> {
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
  const compression = detectCompression(start);
  if (compression === 'none') return all;
  const decoder = compression === 'gzip' ? createGunzip({ chunkSize: 1 << 18 }) : createZstdDecompress({ chunkSize: 1 << 18 });
  all.on('error', (error) => decoder.destroy(error));
  decoder.on('close', () => all.destroy());
  return all.pipe(decoder);
}

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { decompress, readTar, tarEnd, tarFile, tarHeader, tarPadding } from './index.ts';

async function entriesOf(bytes: Buffer, chunk = 700) {
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunk) }, (_, index) => bytes.subarray(index * chunk, (index + 1) * chunk));
  const seen = [];
  for await (const entry of readTar(Readable.from(chunks))) {
    const { body, ...header } = entry;
    const parts: Buffer[] = [];
    for await (const part of body) parts.push(part);
    seen.push({ ...header, content: Buffer.concat(parts).toString() });
  }
  return seen;
}

const longName = `${'directory/'.repeat(20)}file`;
const archive = Buffer.concat([
  tarHeader({ name: 'empty/', type: 'directory', mode: 0o755 }),
  tarFile('small', 'hello', { mtime: 12.5, uid: 4294967294 }),
  tarFile(longName, 'x'.repeat(1500)),
  tarHeader({ name: 'link', type: 'symlink', linkName: longName }),
  tarEnd,
]);

describe('writing, then reading', () => {
  it('keeps names, links, owners, times and bodies at any chunking', async () => {
    for (const chunk of [1, 511, 512, 100_000]) {
      expect(await entriesOf(archive, chunk)).toMatchObject([
        { name: 'empty/', type: 'directory', mode: 0o755 },
        { name: 'small', type: 'file', content: 'hello', mtime: 12.5, uid: 4294967294 },
        { name: longName, content: 'x'.repeat(1500) },
        { name: 'link', type: 'symlink', linkName: longName },
      ]);
    }
  });

  it('skips a body nobody reads', async () => {
    const names: string[] = [];
    for await (const entry of readTar(Readable.from([archive]))) names.push(entry.name);
    expect(names).toEqual(['empty/', 'small', longName, 'link']);
  });
});

it('reads what GNU tar writes, and GNU tar reads what we write', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-tar-'));
  try {
    writeFileSync(join(directory, 'n'.repeat(150)), 'long');
    const written = execFileSync('tar', ['--format=gnu', '-C', directory, '-c', '.']);
    expect(await entriesOf(written)).toMatchObject([
      { name: './', type: 'directory' },
      { name: `./${'n'.repeat(150)}`, content: 'long' },
    ]);
    const listed = execFileSync('tar', ['-t'], { input: archive }).toString();
    expect(listed.split('\n')).toEqual(['empty/', 'small', longName, 'link', '']);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe('bad input', () => {
  it.each([
    ['ends inside a file', archive.subarray(0, archive.length - 2600)],
    ['ends inside a header', archive.subarray(0, 700)],
    ['wrong checksum', Buffer.concat([Buffer.from('x'), archive.subarray(1)])],
    [
      'PAX record is malformed',
      (() => {
        const header = Buffer.from(tarHeader({ name: 'pax', sizeBytes: 7 }));
        header.write('x', 156);
        let sum = 8 * 32;
        for (const [index, byte] of header.entries()) if (index < 148 || index >= 156) sum += byte;
        header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
        return Buffer.concat([header, Buffer.from('99 a=b\n'), tarPadding(7), archive]);
      })(),
    ],
  ])('says: %s', async (message, bytes) => {
    await expect(entriesOf(bytes)).rejects.toThrow(message);
  });
});

describe('decompress', () => {
  it.each([
    ['plain', archive, false],
    ['gzip', gzipSync(archive), true],
    ['zstd', zstdCompressSync(archive), true],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0]), true],
    ['bzip2', Buffer.from('BZh91AY'), true],
  ])('tells that %s is compressed, or not', async (_name, bytes, isCompressed) => {
    let decodings = 0;
    const stream = await decompress(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]), (compressed) => {
      decodings++;
      return compressed;
    });
    expect(Buffer.concat(await stream.toArray()).equals(bytes)).toBe(true);
    expect(decodings).toBe(isCompressed ? 1 : 0);
  });
});

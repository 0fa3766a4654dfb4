import { operational } from '@gantry/platform/errors';
import { ByteSource } from './byte-source.ts';

export type TarEntryType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

export interface TarEntry {
  /** As written, undecoded bytes turned to latin1 when they are not UTF-8. */
  readonly name: string;
  readonly type: TarEntryType;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Must be read, or left, before the next entry is asked for. */
  readonly body: AsyncIterable<Buffer>;
}

const blockBytes = 512;
/** Names, links and PAX records of one entry; a real one has a few hundred bytes. */
const maxExtensionBytes = 1 << 20;

const types: Readonly<Record<string, TarEntryType>> = {
  '\0': 'file',
  '0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'character',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

function corrupt(message: string): Error {
  return operational('corrupt', `tar: ${message}`);
}

function text(field: Buffer): string {
  const end = field.indexOf(0);
  return decode(end < 0 ? field : field.subarray(0, end));
}

function decode(bytes: Buffer): string {
  const utf8 = bytes.toString('utf8');
  return utf8.includes('\ufffd') ? bytes.toString('latin1') : utf8;
}

/** Octal, or GNU's base-256 when the top bit is set. */
function number(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    let value = (field[0] ?? 0) & 0x7f;
    for (const byte of field.subarray(1)) value = value * 256 + byte;
    if (!Number.isSafeInteger(value)) throw corrupt('a number is too large');
    return value;
  }
  const digits = text(field).trim();
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw corrupt(`${JSON.stringify(digits)} is not an octal number`);
  return Number.parseInt(digits, 8);
}

function checkSum(header: Buffer): void {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  if (sum !== number(header.subarray(148, 156))) throw corrupt('a header has a wrong checksum');
}

function parsePax(records: Buffer): Map<string, string> {
  const fields = new Map<string, string>();
  let rest = records;
  while (rest.length > 0) {
    const space = rest.indexOf(0x20);
    const length = space < 1 ? Number.NaN : Number(rest.subarray(0, space).toString('latin1'));
    if (!Number.isInteger(length) || length < space + 3 || length > rest.length || rest[length - 1] !== 0x0a) throw corrupt('a PAX record is malformed');
    const record = rest.subarray(space + 1, length - 1);
    const equals = record.indexOf(0x3d);
    if (equals < 1) throw corrupt('a PAX record has no key');
    fields.set(record.subarray(0, equals).toString('utf8'), decode(record.subarray(equals + 1)));
    rest = rest.subarray(length);
  }
  return fields;
}

function paxNumber(fields: Map<string, string>, key: string): number | undefined {
  const value = fields.get(key);
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (!Number.isFinite(parsed)) throw corrupt(`PAX ${key} is not a number`);
  return parsed;
}

/** Extensions gathered for the entry that follows them. */
interface Extensions {
  pax: Map<string, string>;
  longName?: string;
  longLink?: string;
}

async function extension(source: ByteSource, size: number): Promise<Buffer> {
  if (size > maxExtensionBytes) throw corrupt(`an extension header has ${size} bytes`);
  const bytes = await source.exactly(padded(size));
  if (bytes === null || bytes.length < padded(size)) throw corrupt('ends inside an extension header');
  return bytes.subarray(0, size);
}

const padded = (size: number) => Math.ceil(size / blockBytes) * blockBytes;

function toEntry(header: Buffer, { pax, longName, longLink }: Extensions, size: number, body: AsyncIterable<Buffer>): TarEntry {
  const flag = String.fromCharCode(header[156] ?? 0);
  const type = types[flag];
  if (type === undefined) throw operational('unsupported', `tar: entries of type ${JSON.stringify(flag)} are not supported here`);
  const isUstar = header.subarray(257, 262).toString('latin1') === 'ustar' && header[262] === 0;
  const prefix = isUstar ? text(header.subarray(345, 500)) : '';
  const shortName = text(header.subarray(0, 100));
  const name = pax.get('path') ?? longName ?? (prefix === '' ? shortName : `${prefix}/${shortName}`);
  return {
    name,
    type: type === 'file' && name.endsWith('/') ? 'directory' : type,
    linkName: pax.get('linkpath') ?? longLink ?? text(header.subarray(157, 257)),
    mode: number(header.subarray(100, 108)) & 0o7777,
    uid: paxNumber(pax, 'uid') ?? number(header.subarray(108, 116)),
    gid: paxNumber(pax, 'gid') ?? number(header.subarray(116, 124)),
    sizeBytes: size,
    mtime: paxNumber(pax, 'mtime') ?? number(header.subarray(136, 148)),
    body,
  };
}

/** The next header block; null at the end marker (what follows it is read and dropped) or the end of the stream. */
async function nextHeader(source: ByteSource): Promise<Buffer | null> {
  const header = await source.exactly(blockBytes);
  if (header === null) return null;
  if (header.length < blockBytes) throw corrupt('ends inside a header');
  if (!header.every((byte) => byte === 0)) {
    checkSum(header);
    return header;
  }
  while ((await source.some(1 << 20)) !== null);
  return null;
}

/** Takes in a header that only describes the next one; false when it is an entry itself. */
async function readExtension(source: ByteSource, header: Buffer, extensions: Extensions): Promise<boolean> {
  const flag = String.fromCharCode(header[156] ?? 0);
  if (!['x', 'g', 'L', 'K'].includes(flag)) return false;
  const bytes = await extension(source, number(header.subarray(124, 136)));
  if (flag === 'x') extensions.pax = parsePax(bytes);
  if (flag === 'L') extensions.longName = text(bytes);
  if (flag === 'K') extensions.longLink = text(bytes);
  return true;
}

/** The bytes of one entry; knows how many nobody has read. */
class EntryBody implements AsyncIterable<Buffer> {
  left: number;
  readonly #source: ByteSource;

  constructor(source: ByteSource, size: number) {
    this.#source = source;
    this.left = size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    while (this.left > 0) {
      const part = await this.#source.some(this.left);
      if (part === null) throw corrupt('ends inside a file');
      this.left -= part.length;
      yield part;
    }
  }
}

/**
 * Reads a tar as it arrives, ustar, PAX and GNU long names. Sizes come from PAX where it says one, so that no other reader can be made to see other
 * entries (CVE-2025-62518). For looking into archives; layers are unpacked by the executor.
 */
export async function* readTar(chunks: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(chunks);
  let extensions: Extensions = { pax: new Map() };
  try {
    for (let header = await nextHeader(source); header !== null; header = await nextHeader(source)) {
      if (await readExtension(source, header, extensions)) continue;
      const hasBody = types[String.fromCharCode(header[156] ?? 0)] === 'file';
      const size = hasBody ? (paxNumber(extensions.pax, 'size') ?? number(header.subarray(124, 136))) : 0;
      const body = new EntryBody(source, size);
      yield toEntry(header, extensions, size, body);
      extensions = { pax: new Map() };
      if ((await source.skip(body.left + padded(size) - size)) < body.left) throw corrupt('ends inside a file');
    }
  } finally {
    await source.close();
  }
}

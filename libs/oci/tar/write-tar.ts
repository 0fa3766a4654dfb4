import { invalid } from '@gantry/platform/errors';
import type { TarEntryType } from './read-tar.ts';

export interface TarHeader {
  readonly name: string;
  readonly type?: TarEntryType;
  readonly sizeBytes?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Seconds since 1970; a fraction goes into a PAX record. */
  readonly mtime?: number;
  readonly linkName?: string;
  /** Further PAX records, values as bytes: `SCHILY.xattr.security.capability` … */
  readonly pax?: Readonly<Record<string, string | Buffer>>;
  readonly deviceMajor?: number;
  readonly deviceMinor?: number;
}

const blockBytes = 512;
const flags: Readonly<Record<TarEntryType, string>> = { file: '0', hardlink: '1', symlink: '2', character: '3', block: '4', directory: '5', fifo: '6' };
const largestOctal = 8 ** 7 - 1;
const largestSize = 8 ** 11 - 1;

/** Two zero blocks. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockBytes);

/** What brings a file's body to a whole number of blocks. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}

function paxRecord(key: string, value: string | Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = body.length + 1;
  while (String(length).length + body.length !== length) length = String(length).length + body.length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function octal(block: Buffer, value: number, offset: number, width: number): void {
  block.write(
    `${Math.floor(value)
      .toString(8)
      .padStart(width - 1, '0')}\0`,
    offset,
    'latin1',
  );
}

function block(flag: string, header: Required<Omit<TarHeader, 'pax' | 'type'>>): Buffer {
  const bytes = Buffer.alloc(blockBytes);
  Buffer.from(header.name).copy(bytes, 0, 0, 100);
  octal(bytes, header.mode, 100, 8);
  octal(bytes, Math.min(header.uid, largestOctal), 108, 8);
  octal(bytes, Math.min(header.gid, largestOctal), 116, 8);
  octal(bytes, Math.min(header.sizeBytes, largestSize), 124, 12);
  octal(bytes, Math.max(0, header.mtime), 136, 12);
  bytes.write(flag, 156, 'latin1');
  Buffer.from(header.linkName).copy(bytes, 157, 0, 100);
  bytes.write('ustar\x0000', 257, 'latin1');
  octal(bytes, header.deviceMajor, 329, 8);
  octal(bytes, header.deviceMinor, 337, 8);
  let sum = 8 * 32;
  for (const byte of bytes) sum += byte;
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** The header of one entry, PAX records first where ustar has no room. The body, then `tarPadding`, follow. */
export function tarHeader(header: TarHeader): Buffer {
  const full = { mode: 0o644, uid: 0, gid: 0, mtime: 0, sizeBytes: 0, linkName: '', deviceMajor: 0, deviceMinor: 0, ...header };
  if (header.name === '') throw invalid('a tar entry needs a name');
  const records: Buffer[] = [];
  const isLong = (value: string) => Buffer.byteLength(value) > 100;
  if (isLong(full.name)) records.push(paxRecord('path', full.name));
  if (isLong(full.linkName)) records.push(paxRecord('linkpath', full.linkName));
  if (full.sizeBytes > largestSize) records.push(paxRecord('size', String(full.sizeBytes)));
  if (full.uid > largestOctal) records.push(paxRecord('uid', String(full.uid)));
  if (full.gid > largestOctal) records.push(paxRecord('gid', String(full.gid)));
  if (!Number.isInteger(full.mtime) || full.mtime < 0) records.push(paxRecord('mtime', String(full.mtime)));
  for (const [key, value] of Object.entries(header.pax ?? {})) records.push(paxRecord(key, value));
  const main = block(flags[header.type ?? 'file'], full);
  if (records.length === 0) return main;
  const body = Buffer.concat(records);
  const extended = block('x', { ...full, name: 'PaxHeaders/entry', linkName: '', sizeBytes: body.length, mode: 0o644, uid: 0, gid: 0, mtime: 0 });
  return Buffer.concat([extended, body, tarPadding(body.length), main]);
}

/** A whole small file, header to padding. */
export function tarFile(name: string, content: string | Uint8Array, header: Omit<TarHeader, 'name' | 'sizeBytes'> = {}): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([tarHeader({ ...header, name, sizeBytes: bytes.length }), bytes, tarPadding(bytes.length)]);
}

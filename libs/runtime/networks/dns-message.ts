import { parseAddress } from './subnet.ts';

/** As much of RFC 1035 as answering for our own names takes; everything else is passed on as the bytes it is. */
export interface DnsQuestion {
  readonly id: number;
  /** Lower case, without the final dot. */
  readonly name: string;
  readonly type: number;
  /** Header and question section, to be repeated in the answer. */
  readonly bytes: Buffer;
}

export const recordType = { A: 1, PTR: 12, AAAA: 28 } as const;
export const responseCode = { noError: 0, serverFailure: 2, nameError: 3 } as const;
const headerBytes = 12;

function readName(message: Buffer, start: number): { name: string; end: number } | null {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at]; length !== undefined; length = message[at]) {
    if (length === 0) return { name: labels.join('.').toLowerCase(), end: at + 1 };
    // Compression has no place in a first question.
    if (length > 63 || at + 1 + length > message.length) return null;
    labels.push(message.subarray(at + 1, at + 1 + length).toString('latin1'));
    at += 1 + length;
  }
  return null;
}

/** Null when it is not one question of class IN. */
export function readQuestion(message: Buffer): DnsQuestion | null {
  if (message.length < headerBytes || message.readUInt16BE(4) !== 1 || (message.readUInt8(2) & 0xf8) !== 0) return null;
  const read = readName(message, headerBytes);
  if (read === null || read.end + 4 > message.length) return null;
  if (message.readUInt16BE(read.end + 2) !== 1) return null;
  return { id: message.readUInt16BE(0), name: read.name, type: message.readUInt16BE(read.end), bytes: message.subarray(0, read.end + 4) };
}

function encodeName(name: string): Buffer {
  return Buffer.concat([...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])), Buffer.from([0])]);
}

/** An address, of either family, or a name. */
export type DnsRecord = { readonly type: number; readonly address: string } | { readonly type: typeof recordType.PTR; readonly name: string };

function addressBytes(text: string): Buffer {
  const { value, bits } = parseAddress(text);
  return Buffer.from(value.toString(16).padStart(bits / 4, '0'), 'hex');
}

export function writeAnswer(question: DnsQuestion, code: number, records: readonly DnsRecord[], ttlSeconds: number): Buffer {
  const head = Buffer.from(question.bytes);
  // Response, recursion available; opcode and "recursion desired" as asked.
  head.writeUInt8((head.readUInt8(2) & 0x79) | 0x80 | 0x04, 2);
  head.writeUInt8(0x80 | code, 3);
  head.writeUInt16BE(records.length, 6);
  head.writeUInt32BE(0, 8);
  const answers = records.map((record) => {
    const body = 'address' in record ? addressBytes(record.address) : encodeName(record.name);
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc000 | headerBytes, 0);
    fixed.writeUInt16BE(record.type, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(ttlSeconds, 6);
    fixed.writeUInt16BE(body.length, 10);
    return Buffer.concat([fixed, body]);
  });
  return Buffer.concat([head, ...answers]);
}

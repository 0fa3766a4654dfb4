import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const deriveKey = promisify(argon2);

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const memoryKiB = 19_456;
const passes = 2;
const lanes = 1;
const tagLength = 32;

function toBase64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}

async function derive(password: string, nonce: Buffer, cost: { memory: number; passes: number; parallelism: number }): Promise<Buffer> {
  return deriveKey('argon2id', { message: Buffer.from(password.normalize('NFKC')), nonce, tagLength, ...cost });
}

/** In PHC string format, so that the costs can grow without a migration. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const tag = await derive(password, salt, { memory: memoryKiB, passes, parallelism: lanes });
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${toBase64(salt)}$${toBase64(tag)}`;
}

const phc = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export async function isPassword(password: string, hash: string): Promise<boolean> {
  const match = phc.exec(hash);
  if (match === null) throw new Error('read a password hash: it is not argon2id in PHC format');
  const [, memory, time, parallelism, salt = '', tag = ''] = match;
  const cost = { memory: Number(memory), passes: Number(time), parallelism: Number(parallelism) };
  const derived = await derive(password, Buffer.from(salt, 'base64'), cost);
  return timingSafeEqual(derived, Buffer.from(tag, 'base64'));
}

import { createHash, randomBytes } from 'node:crypto';

/** 256 random bits; `prefix` tells a finder of a leaked secret what it opens. */
export function makeSecret(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`;
}

/** Secrets of 256 bits need no slow hash: nobody can try them all. */
export function hashSecret(secret: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(createHash('sha256').update(secret).digest());
}

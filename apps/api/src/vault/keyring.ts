import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { operational } from '@gantry/platform/errors';

const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const algorithm = 'aes-256-gcm';

/** What is stored of something that only the keyring can read. */
export interface Sealed {
  readonly keyId: string;
  /** Nonce, ciphertext, tag. */
  readonly sealed: Uint8Array<ArrayBuffer>;
}

/** Says which key, and nothing about it. */
function idOf(key: Buffer): string {
  return createHash('sha256').update('gantry key id\0').update(key).digest('hex').slice(0, 16);
}

/** Keys that are kept outside the database: the first one encrypts, the others still decrypt what was encrypted before it came. */
export class Keyring {
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #first: { readonly id: string; readonly key: Buffer };

  private constructor(keys: readonly [Buffer, ...Buffer[]]) {
    this.#keys = new Map(keys.map((key) => [idOf(key), key]));
    this.#first = { id: idOf(keys[0]), key: keys[0] };
  }

  /** Keys in base64, one a line or separated by commas; lines that begin with # are remarks. `source` names the text in errors. */
  static parse(text: string, source: string): Keyring {
    const words = text
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .flatMap((line) => line.split(','))
      .map((word) => word.trim())
      .filter((word) => word !== '');
    const keys = words.map((word) => Buffer.from(word, 'base64'));
    const wrong = keys.findIndex((key) => key.length !== keyBytes);
    if (wrong >= 0) throw operational('corrupt', `key ${wrong + 1} in ${source} is not ${keyBytes} bytes in base64`);
    const [first, ...others] = keys;
    if (first === undefined) throw operational('corrupt', `there is no key in ${source}`);
    return new Keyring([first, ...others]);
  }

  static make(): string {
    return randomBytes(keyBytes).toString('base64');
  }

  /** The key that new things are encrypted with. */
  get firstId(): string {
    return this.#first.id;
  }

  has(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  /** `context` is what the content belongs to: sealed bytes that were moved to another row do not open. */
  seal(content: Uint8Array, context: string): Sealed {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#first.key, nonce).setAAD(Buffer.from(context));
    return { keyId: this.#first.id, sealed: new Uint8Array(Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()])) };
  }

  open({ keyId, sealed }: { keyId: string; sealed: Uint8Array }, context: string): Buffer {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw operational('unavailable', `${context} is encrypted with key ${keyId}, which is not among the keys of this control plane`);
    try {
      const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes)).setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]);
    } catch (cause) {
      throw operational('corrupt', `decrypt ${context}`, { cause });
    }
  }

  /** A hash that nobody can try values against without the first key. */
  hash(content: string | Uint8Array): Buffer {
    const key = Buffer.from(hkdfSync('sha256', this.#first.key, '', 'gantry keyed hash', keyBytes));
    return createHmac('sha256', key).update(content).digest();
  }
}

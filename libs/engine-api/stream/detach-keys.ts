import { EngineError } from '../protocol/engine-error.ts';

const controlKeys: Readonly<Record<string, number>> = { '@': 0, '[': 27, '\\': 28, ']': 29, '^': 30, _: 31 };

function keyByte(name: string): number {
  if (/^[\x20-\x7e]$/.test(name)) return name.charCodeAt(0);
  const control = /^ctrl-(.)$/i.exec(name)?.[1];
  if (control !== undefined) {
    if (/[a-z]/i.test(control)) return control.toLowerCase().charCodeAt(0) - 96;
    const code = controlKeys[control];
    if (code !== undefined) return code;
  }
  throw new EngineError(400, `Invalid detach keys (${name}) provided`);
}

/** `ctrl-p,ctrl-q` as bytes; empty text means the default. */
export function parseDetachKeys(text: string | null): Buffer {
  return Buffer.from((text || 'ctrl-p,ctrl-q').split(',').map(keyByte));
}

/** Watches a terminal's input for the detach sequence. Bytes that might begin one are held back until it is decided. */
export class DetachWatcher {
  readonly #keys: Buffer;
  #matched = 0;

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** `pass` goes to the process. Once `detached` is true the rest of the input is dropped. */
  push(chunk: Buffer): { pass: Buffer; detached: boolean } {
    const pass: number[] = [];
    for (const byte of chunk) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#keys.length) return { pass: Buffer.from(pass), detached: true };
        continue;
      }
      if (this.#matched > 0) {
        pass.push(...this.#keys.subarray(0, this.#matched));
        this.#matched = 0;
        if (byte === this.#keys[0]) {
          this.#matched = 1;
          continue;
        }
      }
      pass.push(byte);
    }
    return { pass: Buffer.from(pass), detached: false };
  }
}

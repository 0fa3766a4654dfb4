/**
 * Node hands over a request with an Upgrade header with its body still unparsed in the byte stream. This cuts the body off, so that
 * what follows it, and nothing else, is the hijacked stream's input.
 */
export interface DecodedBody {
  /** Bytes of the request's body. */
  readonly body: Buffer;
  /** Bytes after the body; null while the body is incomplete. */
  readonly rest: Buffer | null;
}

type State = 'counted' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'done';

const empty = Buffer.alloc(0);
const chunkSizeLine = /^([0-9a-fA-F]{1,8})(?:;[^\r\n]*)?$/;
const longestLine = 4096;

export class BodyDecoder {
  #state: State;
  #remaining: number;
  #line: Buffer = empty;
  #isFirstChunk = true;

  /** Headers as node:http gives them. */
  constructor(headers: Readonly<Record<string, string | readonly string[] | undefined>>) {
    const isChunked = /\bchunked\b/i.test(String(headers['transfer-encoding'] ?? ''));
    const length = Number(headers['content-length'] ?? 0);
    this.#remaining = Number.isSafeInteger(length) && length > 0 ? length : 0;
    if (isChunked) this.#state = 'chunk-size';
    else this.#state = this.#remaining > 0 ? 'counted' : 'done';
  }

  get isDone(): boolean {
    return this.#state === 'done';
  }

  push(chunk: Buffer): DecodedBody {
    const body: Buffer[] = [];
    let input = this.#line.length === 0 ? chunk : Buffer.concat([this.#line, chunk]);
    this.#line = empty;
    while (this.#state !== 'done') {
      if (this.#state === 'counted' || this.#state === 'chunk') {
        const taken = input.subarray(0, this.#remaining);
        body.push(taken);
        input = input.subarray(taken.length);
        this.#remaining -= taken.length;
        if (this.#remaining > 0) break;
        this.#state = this.#state === 'counted' ? 'done' : 'chunk-end';
        continue;
      }
      const end = input.indexOf('\r\n');
      if (end < 0 || end > longestLine) {
        this.#waitForLine(input);
        break;
      }
      if (!this.#takeLine(input.toString('latin1', 0, end))) break;
      input = input.subarray(end + 2);
    }
    return { body: Buffer.concat(body), rest: this.#state === 'done' ? input : null };
  }

  /** False when the line is not chunked coding at all: some clients announce it and then send raw bytes. */
  #takeLine(line: string): boolean {
    if (this.#state === 'chunk-end') this.#state = 'chunk-size';
    else if (this.#state === 'trailers') this.#state = line === '' ? 'done' : 'trailers';
    else {
      const size = chunkSizeLine.exec(line)?.[1];
      if (size === undefined) {
        this.#state = 'done';
        return false;
      }
      this.#remaining = Number.parseInt(size, 16);
      this.#state = this.#remaining === 0 ? 'trailers' : 'chunk';
      this.#isFirstChunk = false;
    }
    return true;
  }

  #waitForLine(input: Buffer): void {
    if (input.length > longestLine || (this.#isFirstChunk && !this.#mayBecomeSize(input))) this.#state = 'done';
    else this.#line = Buffer.from(input);
  }

  #mayBecomeSize(input: Buffer): boolean {
    return /^[0-9a-fA-F]{0,8}(?:\r|;.*)?$/s.test(input.toString('latin1', 0, 64));
  }
}

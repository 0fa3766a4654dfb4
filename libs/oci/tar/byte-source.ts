/** Takes exact numbers of bytes out of a stream of chunks. */
export class ByteSource {
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** At least one and at most `limit` bytes; null at the end. */
  async some(limit: number): Promise<Buffer | null> {
    while (this.#pending.length === 0) {
      const next = await this.#chunks.next();
      if (next.done === true) return null;
      this.#pending = next.value;
    }
    const taken = this.#pending.subarray(0, limit);
    this.#pending = this.#pending.subarray(taken.length);
    return taken;
  }

  /** Exactly `length` bytes; null at a clean end; fewer when the stream ends in the middle. */
  async exactly(length: number): Promise<Buffer | null> {
    const parts: Buffer[] = [];
    let got = 0;
    while (got < length) {
      const part = await this.some(length - got);
      if (part === null) break;
      parts.push(part);
      got += part.length;
    }
    if (got === 0 && length > 0) return null;
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  async skip(length: number): Promise<number> {
    let left = length;
    while (left > 0) {
      const part = await this.some(left);
      if (part === null) break;
      left -= part.length;
    }
    return length - left;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

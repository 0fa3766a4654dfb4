import type { LogLine } from '@gantry/contracts/http-api';
import { toPlainText } from './plain-text.ts';

export interface HeldLine extends LogLine {
  /** Counts from the first line received; the key of the row. */
  sequence: number;
}

/** The newest lines, bounded; drops what a resumed stream sends a second time. */
export class LogBuffer {
  readonly #limit: number;
  #lines: HeldLine[] = [];
  #received = 0;
  #lastAt = '';

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A new array per change, so that it can be compared by identity. */
  get lines(): readonly HeldLine[] {
    return this.#lines;
  }

  /** Where a stream that broke goes on. */
  get lastAt(): string | undefined {
    return this.#lastAt || undefined;
  }

  get hasDropped(): boolean {
    return this.#received > this.#lines.length;
  }

  /** `resumedAfter`: the lastAt the stream was opened with; lines up to it are known. */
  add(lines: readonly LogLine[], resumedAfter?: string): void {
    const fresh = resumedAfter ? lines.filter((line) => line.at > resumedAfter) : lines;
    if (fresh.length === 0) return;
    const held = fresh.map((line) => ({ ...line, line: toPlainText(line.line), sequence: this.#received++ }));
    this.#lastAt = held.at(-1)?.at ?? this.#lastAt;
    this.#lines = [...this.#lines, ...held].slice(-this.#limit);
  }

  clear(): void {
    this.#lines = [];
  }
}

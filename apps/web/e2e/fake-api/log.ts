import type { LogLine } from '@gantry/contracts/http-api';

/** What one task wrote, and who follows it. */
export class TaskLog {
  readonly #lines: LogLine[] = [];
  readonly #followers = new Set<{ onLine: (line: LogLine) => void; onEnd: () => void }>();
  #isOver = false;

  add(text: string, stream: LogLine['stream'] = 'stdout'): void {
    const line = { stream, at: `${new Date().toISOString().slice(0, -1)}${String(this.#lines.length % 1_000_000).padStart(6, '0')}Z`, line: text };
    this.#lines.push(line);
    for (const follower of this.#followers) follower.onLine(line);
  }

  end(): void {
    this.#isOver = true;
    for (const follower of this.#followers) follower.onEnd();
    this.#followers.clear();
  }

  read(tail: number, since?: string): LogLine[] {
    return this.#lines.filter((line) => !since || line.at >= since).slice(-tail);
  }

  follow(follower: { onLine: (line: LogLine) => void; onEnd: () => void }): () => void {
    if (this.#isOver) follower.onEnd();
    else this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }
}

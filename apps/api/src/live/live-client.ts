import type { ServerResponse } from 'node:http';
import type { LiveEvent } from '@gantry/contracts/live';

/** A browser this far behind is disconnected; it starts over from a fresh read. */
const mostUnsentBytes = 4 * 1024 * 1024;
/** Proxies close connections that say nothing. */
const commentEveryMs = 15_000;

/** One browser's open feed. */
export class LiveClient {
  readonly #response: ServerResponse;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no', connection: 'keep-alive' });
    response.on('error', () => this.close());
    this.#keepAlive = setInterval(() => this.#write(': still here\n\n'), commentEveryMs);
    response.once('close', () => clearInterval(this.#keepAlive));
  }

  onClose(listener: () => void): void {
    this.#response.once('close', listener);
  }

  send(events: readonly LiveEvent[]): void {
    if (events.length > 0) this.#write(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
  }

  close(): void {
    clearInterval(this.#keepAlive);
    this.#response.end();
    this.#response.destroy();
  }

  #write(text: string): void {
    if (this.#response.writableLength > mostUnsentBytes) this.close();
    else if (!this.#response.destroyed) this.#response.write(text);
  }
}

import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';

const limitBytes = 16 * 1024 * 1024;
const checkEveryMs = 30_000;

/**
 * A child writes to the file itself, so it can outlive us without a broken pipe. The file is opened for appending, so it may be
 * truncated under the writer: when it is over the limit, it is copied aside and starts again.
 */
export class LogFile {
  readonly path: string;
  readonly fd: number;
  readonly #timer: NodeJS.Timeout;

  constructor(path: string) {
    this.path = path;
    this.fd = openSync(path, 'a+', 0o640);
    this.#timer = setInterval(() => void this.#bound(), checkEveryMs).unref();
  }

  async #bound(): Promise<void> {
    if (fstatSync(this.fd).size <= limitBytes) return;
    // A full disk must not stop the bounding itself: losing old lines is its purpose.
    await copyFile(this.path, `${this.path}.1`).catch(() => undefined);
    ftruncateSync(this.fd, 0);
  }

  lastLines(count: number): string {
    const { size } = fstatSync(this.fd);
    const buffer = Buffer.alloc(Math.min(size, 64 * 1024));
    readSync(this.fd, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8').trimEnd().split('\n').slice(-count).join('\n');
  }

  close(): void {
    clearInterval(this.#timer);
    closeSync(this.fd);
  }
}

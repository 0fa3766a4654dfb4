import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { parseNs } from '@gantry/platform/node';
import type { LogEntry, LogRequest } from './containers.ts';

const chunkBytes = 64 * 1024;
const maxLineBytes = 1 << 20;
/** Between looks at a followed file when the kernel tells of no change. */
const pollMs = 500;

export interface LogSource {
  readonly path: string;
  readonly maxFiles: number;
  /** Whether more may be written. */
  readonly isLive: () => boolean;
}

function toEntry(line: Buffer): LogEntry | null {
  try {
    const { log, stream, time }: { log?: unknown; stream?: unknown; time?: unknown } = JSON.parse(line.toString('utf8'));
    if (typeof log !== 'string' || typeof time !== 'string' || (stream !== 'stdout' && stream !== 'stderr')) return null;
    return { stream, bytes: Buffer.from(log), time };
  } catch {
    // A line torn by a crash of the machine is not worth losing the others for.
    return null;
  }
}

/** Cuts a file into lines from `start` on, and says where the last whole line ended. */
class LineReader {
  readonly handle: FileHandle;
  #position: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle, start: number) {
    this.handle = handle;
    this.#position = start;
  }

  /** The lines that are there now, as many at a time as one read finds. */
  async *available(): AsyncGenerator<Buffer[]> {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (
      let got = await this.handle.read(chunk, 0, chunkBytes, this.#position);
      got.bytesRead > 0;
      got = await this.handle.read(chunk, 0, chunkBytes, this.#position)
    ) {
      this.#position += got.bytesRead;
      const bytes = Buffer.concat([this.#pending, chunk.subarray(0, got.bytesRead)]);
      const lines: Buffer[] = [];
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        lines.push(bytes.subarray(start, end));
        start = end + 1;
      }
      this.#pending = bytes.length - start > maxLineBytes ? Buffer.alloc(0) : bytes.subarray(start);
      if (lines.length > 0) yield lines;
    }
  }
}

/** Where the last `lines` lines of a file begin, and how many it has if it has fewer. */
async function seekTail(handle: FileHandle, lines: number): Promise<{ start: number; found: number }> {
  const { size } = await handle.stat();
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - chunkBytes);
    const chunk = Buffer.allocUnsafe(end - start);
    await handle.read(chunk, 0, chunk.length, start);
    for (let index = chunk.length - 1; index >= 0; index--) {
      if (chunk[index] !== 10) continue;
      // The newline that ends the last line does not begin another.
      if (start + index + 1 < size) found++;
      if (found === lines) return { start: start + index + 1, found };
    }
    end = start;
  }
  return { start: 0, found: size > 0 ? found + 1 : 0 };
}

async function openFiles({ path, maxFiles }: LogSource): Promise<FileHandle[]> {
  const handles: FileHandle[] = [];
  for (let index = maxFiles - 1; index >= 0; index--) {
    try {
      handles.push(await open(index === 0 ? path : `${path}.${index}`, 'r'));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
  return handles;
}

/** Readers of the files, oldest first, standing where the tail begins. */
async function openReaders(source: LogSource, tail: number | undefined): Promise<LineReader[]> {
  const handles = await openFiles(source);
  if (tail === undefined) return handles.map((handle) => new LineReader(handle, 0));
  const readers: LineReader[] = [];
  let left = tail;
  for (const handle of handles.toReversed()) {
    const { start, found } = left > 0 ? await seekTail(handle, left) : { start: (await handle.stat()).size, found: 0 };
    left -= found;
    readers.unshift(new LineReader(handle, start));
  }
  return readers;
}

/** Wakes at a change of the file, at the signal, or after a while. */
function createWaker(path: string, signal: AbortSignal | undefined) {
  let wake: () => void = () => undefined;
  let watcher: FSWatcher | null = null;
  const rewatch = () => {
    watcher?.close();
    try {
      watcher = watch(path, () => wake());
      watcher.on('error', () => watcher?.close());
    } catch {
      // Without a watch (the file is about to appear, or inotify is exhausted) there is the timer.
      watcher = null;
    }
  };
  rewatch();
  const wakeAtAbort = () => wake();
  signal?.addEventListener('abort', wakeAtAbort, { once: true });
  return {
    rewatch,
    async wait(): Promise<void> {
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      const timer = setTimeout(resolve, pollMs);
      if (signal?.aborted !== true) await promise;
      clearTimeout(timer);
    },
    close() {
      signal?.removeEventListener('abort', wakeAtAbort);
      watcher?.close();
    },
  };
}

async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  const current = await stat(path).catch(() => null);
  return current === null || current.ino === (await handle.stat()).ino;
}

async function* allLines(source: LogSource, request: LogRequest): AsyncGenerator<Buffer[]> {
  const readers = await openReaders(source, request.tail);
  try {
    for (const reader of readers) yield* reader.available();
    if (request.follow !== true) return;
    const waker = createWaker(source.path, request.signal);
    try {
      while (request.signal?.aborted !== true) {
        const isLive = source.isLive();
        let last = readers.at(-1);
        if (last !== undefined) yield* last.available();
        if (last === undefined || !(await isSameFile(last.handle, source.path))) {
          if (last !== undefined) yield* last.available();
          const handle = await open(source.path, 'r').catch(() => null);
          if (handle !== null) {
            last = new LineReader(handle, 0);
            readers.push(last);
            waker.rewatch();
            continue;
          }
        }
        if (!isLive) return;
        await waker.wait();
      }
    } finally {
      waker.close();
    }
  } finally {
    for (const reader of readers) await reader.handle.close();
  }
}

/** Docker's json-file log, over its rotated files, oldest first. */
export async function* readLog(source: LogSource, request: LogRequest): AsyncGenerator<LogEntry> {
  for await (const lines of allLines(source, request)) {
    for (const line of lines) {
      const entry = toEntry(line);
      if (entry === null || !request[entry.stream]) continue;
      const timeNs = request.since === undefined && request.until === undefined ? 0n : (parseNs(entry.time) ?? 0n);
      if (request.since !== undefined && timeNs < request.since) continue;
      if (request.until !== undefined && timeNs > request.until) return;
      yield entry;
    }
  }
}

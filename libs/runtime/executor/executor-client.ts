import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { ExecutorAnswer, type ExecutorOperation, type ExecutorResult, executorOperations, executorProtocol, frameKind } from '@gantry/contracts/executor';
import { bug, describeError, operational, whileTrying } from '@gantry/platform/errors';
import type { Executor } from './executor.ts';
import { fromExecutorError } from './executor-error.ts';
import type { FrameSocket } from './frame-socket.ts';
import { type ServeOptions, startServe } from './serve-process.ts';
import { createShimClient } from './shim-client.ts';

/** Chunks of a stream on their way to the executor at a time: it is to find the next one when it has done with one, however busy the processors are. */
const chunksUnderWay = 16;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Session {
  readonly child: ChildProcess;
  readonly connection: FrameSocket;
  readonly connect: () => Promise<FrameSocket>;
  readonly waiting: Map<number, Waiting>;
}

/** How often a `serve` that keeps dying is started before callers are told. */
const maxStarts = 5;

export async function startExecutor(options: ServeOptions): Promise<Executor> {
  let isClosed = false;
  let nextId = 1;
  let session: Promise<Session> = openSession();
  // A failure is told to those who call; without callers it is nobody's unhandled rejection.
  session.catch(() => undefined);

  async function openSession(): Promise<Session> {
    const { child, connection, connect } = await startServe(options);
    const opened: Session = { child, connection, connect, waiting: new Map() };
    void receive(opened);
    return opened;
  }

  async function receive(current: Session): Promise<void> {
    let reason: unknown = null;
    try {
      for (let frame = await current.connection.next(); frame !== undefined; frame = await current.connection.next()) {
        const answer = ExecutorAnswer.parse(JSON.parse(frame.payload.toString('utf8')));
        const waiting = current.waiting.get(answer.id);
        current.waiting.delete(answer.id);
        if (answer.ok) waiting?.resolve(answer.result);
        else waiting?.reject(fromExecutorError(answer.error));
      }
    } catch (error) {
      reason = error;
    }
    current.connection.destroy();
    for (const waiting of current.waiting.values()) waiting.reject(operational('unavailable', 'the executor went away during the request', { cause: reason }));
    current.waiting.clear();
    if (isClosed) return;
    options.logger.error({ reason: describeError(reason) }, 'executor went away, starting it again');
    session = reopen();
    session.catch((error: unknown) => options.logger.error({ err: error }, 'executor does not start'));
  }

  async function reopen(): Promise<Session> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await openSession();
      } catch (error) {
        if (attempt >= maxStarts || isClosed) throw error;
        await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
      }
    }
  }

  async function current(): Promise<Session> {
    try {
      return await session;
    } catch (cause) {
      if (isClosed) throw operational('unavailable', 'the executor is closed', { cause });
      session = reopen();
      return session;
    }
  }

  const call: Executor['call'] = async (operation, request, callOptions = {}) => {
    callOptions.signal?.throwIfAborted();
    const target = await current();
    const id = nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    target.waiting.set(id, { resolve, reject });
    const abandon = () => {
      target.waiting.delete(id);
      reject(operational('cancelled', `${operation} was cancelled`));
    };
    callOptions.signal?.addEventListener('abort', abandon, { once: true });
    try {
      target.connection.sendJson({ id, op: operation, ...request }).catch(reject);
      return parseResult(operation, await promise);
    } finally {
      target.waiting.delete(id);
      callOptions.signal?.removeEventListener('abort', abandon);
    }
  };

  /** A connection of its own for an operation with bytes; closed with its signal. */
  async function stream<T>(signal: AbortSignal | undefined, use: (connection: FrameSocket) => Promise<T>): Promise<T> {
    signal?.throwIfAborted();
    const connection = await (await current()).connect();
    const abandon = () => connection.destroy(operational('cancelled', 'the transfer was cancelled'));
    signal?.addEventListener('abort', abandon, { once: true });
    try {
      return await use(connection);
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abandon);
    }
  }

  /** The executor may refuse midway: its answer ends the sending. */
  async function sendAll<Op extends ExecutorOperation>(connection: FrameSocket, operation: Op, source: AsyncIterable<Uint8Array>): Promise<ExecutorResult<Op>> {
    let isAnswered = false;
    const send = async () => {
      const underWay: Promise<void>[] = [];
      for await (const chunk of source) {
        if (isAnswered) return;
        const sent = connection.send(frameKind.stdin, chunk);
        // Waited for below, when it is its turn.
        sent.catch(() => undefined);
        underWay.push(sent);
        if (underWay.length >= chunksUnderWay) await underWay.shift();
      }
      await Promise.all([...underWay, connection.send(frameKind.stdin, Buffer.alloc(0))]);
    };
    const sending = send().catch((error: unknown) => {
      if (!isAnswered) connection.destroy(whileTrying(`send bytes to ${operation}`, error));
    });
    try {
      return readAnswer(operation, await connection.nextJson());
    } finally {
      isAnswered = true;
      if (source instanceof Readable) source.destroy();
      await sending;
    }
  }

  async function upload<Op extends ExecutorOperation>(operation: Op, source: Readable, request: object, signal?: AbortSignal): Promise<ExecutorResult<Op>> {
    return stream(signal, async (connection) => {
      await connection.sendJson({ id: 1, op: operation, ...request });
      const result = await sendAll(connection, operation, source);
      connection.destroy();
      return result;
    });
  }

  const receiveLayer: Executor['receiveLayer'] = async (source, request, { signal } = {}) => {
    signal?.throwIfAborted();
    const connection = await (await current()).connect();
    const cancel = () => connection.destroy(operational('cancelled', 'the layer was called off'));
    signal?.addEventListener('abort', cancel, { once: true });
    const close = () => {
      signal?.removeEventListener('abort', cancel);
      connection.destroy();
    };
    try {
      signal?.throwIfAborted();
      await connection.sendJson({ id: 1, op: 'layer.unpack', source: typeof source === 'string' ? source : null, ...request });
      const unpacked = typeof source === 'string' ? readAnswer('layer.unpack', await connection.nextJson()) : await sendAll(connection, 'layer.unpack', source);
      return {
        ...unpacked,
        async finish(finish) {
          try {
            await connection.sendJson({ id: 2, op: 'layer.finish', ...finish });
            return readAnswer('layer.finish', await connection.nextJson());
          } finally {
            close();
          }
        },
        abandon: close,
      };
    } catch (error) {
      close();
      throw error;
    }
  };

  async function* decompress(source: Readable): AsyncGenerator<Buffer> {
    const connection = await (await current()).connect();
    let isOver = false;
    const send = async () => {
      await connection.sendJson({ id: 1, op: 'archive.decompress' });
      for await (const chunk of source) await connection.send(frameKind.stdin, chunk);
      await connection.send(frameKind.stdin, Buffer.alloc(0));
    };
    const sending = send().catch((error: unknown) => {
      if (!isOver) connection.destroy(whileTrying('send bytes to archive.decompress', error));
    });
    try {
      yield* readBytes(connection);
    } finally {
      isOver = true;
      source.destroy();
      connection.destroy();
      await sending;
    }
  }

  const hello = await call('hello', { protocol: executorProtocol });
  return {
    hello,
    call,
    receiveLayer,
    decompress: (source) => Readable.from(decompress(source), { objectMode: false, highWaterMark: 1 << 20 }),
    writeArchive: (tar, request, { signal } = {}) => upload('archive.write', tar, request, signal),
    readArchive: (request, { signal } = {}) =>
      stream(signal, async (connection) => {
        await connection.sendJson({ id: 1, op: 'archive.read', ...request });
        const stat = readAnswer('archive.read', await connection.nextJson());
        return { stat, tar: Readable.from(readBytes(connection), { objectMode: false, highWaterMark: 1 << 20 }) };
      }),
    shim: (containerId) => createShimClient(join(options.root, containerId, 'shim.sock')),
    async close() {
      isClosed = true;
      const last = await session.catch(() => null);
      last?.connection.destroy();
      if (last === null || last.child.exitCode !== null || last.child.signalCode !== null) return;
      const ended = new Promise((resolve) => last.child.once('exit', resolve));
      last.child.kill('SIGTERM');
      const force = setTimeout(() => last.child.kill('SIGKILL'), 3000);
      await ended;
      clearTimeout(force);
    },
  };
}

function parseResult<Op extends ExecutorOperation>(operation: Op, result: unknown): ExecutorResult<Op> {
  const parsed = executorOperations[operation].result.safeParse(result);
  if (!parsed.success) throw bug(`the executor's result of ${operation} is not as agreed`, { cause: parsed.error });
  // The schema just used is the one the type is inferred from; TypeScript does not follow the index.
  return parsed.data as ExecutorResult<Op>;
}

function readAnswer<Op extends ExecutorOperation>(operation: Op, value: unknown): ExecutorResult<Op> {
  const answer = ExecutorAnswer.parse(value);
  if (!answer.ok) throw fromExecutorError(answer.error);
  return parseResult(operation, answer.result);
}

async function* readBytes(connection: FrameSocket): AsyncGenerator<Buffer> {
  try {
    for (let frame = await connection.next(); ; frame = await connection.next()) {
      if (frame === undefined) throw operational('failed', 'the executor ended the archive before its end');
      if (frame.kind === frameKind.json) readFailure(frame.payload);
      if (frame.payload.length === 0) return;
      yield frame.payload;
    }
  } finally {
    connection.destroy();
  }
}

function readFailure(payload: Buffer): never {
  const answer = ExecutorAnswer.parse(JSON.parse(payload.toString('utf8')));
  throw answer.ok ? bug('the executor answered in the middle of an archive') : fromExecutorError(answer.error);
}

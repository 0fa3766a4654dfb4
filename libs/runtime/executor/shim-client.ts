import { Readable, Writable } from 'node:stream';
import { type ExitStatus, frameKind, ShimAnswer, ShimExited, type ShimRequest } from '@gantry/contracts/executor';
import { bug, GantryError, notFound, operational } from '@gantry/platform/errors';
import { connectUnix } from '@gantry/platform/node';
import type { Shim, ShimOutput, ShimStream } from './executor.ts';
import { fromExecutorError } from './executor-error.ts';
import { FrameSocket } from './frame-socket.ts';

/** The shim of one container, reached at its socket. */
export function createShimClient(socketPath: string): Shim {
  async function connect(signal?: AbortSignal): Promise<FrameSocket> {
    try {
      return new FrameSocket(await connectUnix(socketPath, signal === undefined ? {} : { signal }));
    } catch (cause) {
      if (isGone(cause)) throw notFound(`no shim answers at ${socketPath}`, { cause });
      throw cause;
    }
  }

  async function ask(request: ShimRequest, signal?: AbortSignal): Promise<{ connection: FrameSocket; answer: Extract<ShimAnswer, { ok: true }> }> {
    const connection = await connect(signal);
    const abandon = () => connection.destroy(operational('cancelled', `shim request ${request.op} was cancelled`));
    signal?.addEventListener('abort', abandon, { once: true });
    try {
      await connection.sendJson(request);
      const answer = ShimAnswer.parse(await connection.nextJson());
      if (!answer.ok) throw fromExecutorError(answer.error);
      return { connection, answer };
    } catch (error) {
      connection.destroy();
      throw error;
    } finally {
      signal?.removeEventListener('abort', abandon);
    }
  }

  async function once(request: ShimRequest, signal?: AbortSignal): Promise<Extract<ShimAnswer, { ok: true }>> {
    const { connection, answer } = await ask(request, signal);
    connection.destroy();
    return answer;
  }

  async function open(request: ShimRequest, wantsInput: boolean): Promise<ShimStream> {
    const { connection, answer } = await ask(request);
    return toStream(connection, answer.pid ?? 0, wantsInput);
  }

  return {
    async start() {
      const { pid, startedAt } = await once({ op: 'start' });
      if (pid === undefined || startedAt === undefined) throw bug('the shim answered start without a pid and a time');
      return { pid, startedAt };
    },
    attach: (request) => open({ op: 'attach', ...request }, request.stdin),
    exec: (request) => open({ op: 'exec', detach: false, ...request }, request.stdin),
    async execDetached(request) {
      const { pid } = await once({ op: 'exec', detach: true, stdin: false, ...request });
      return { pid: pid ?? 0 };
    },
    async wait(processId, options = {}) {
      const { exit } = await once({ op: 'wait', processId }, options.signal);
      if (exit === undefined) throw bug('the shim answered wait without an exit status');
      return exit;
    },
    async resize(processId, size) {
      await once({ op: 'resize', processId, size });
    },
    async signal(processId, signal) {
      await once({ op: 'signal', processId, signal });
    },
  };
}

function isGone(error: unknown): boolean {
  const cause = error instanceof GantryError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ECONNREFUSED');
}

function toStream(connection: FrameSocket, pid: number, wantsInput: boolean): ShimStream {
  const exited = Promise.withResolvers<ExitStatus | null>();

  async function* read(): AsyncGenerator<ShimOutput> {
    try {
      for (let frame = await connection.next(); frame !== undefined; frame = await connection.next()) {
        if (frame.kind === frameKind.json) {
          exited.resolve(ShimExited.parse(JSON.parse(frame.payload.toString('utf8'))).exit);
          return;
        }
        yield { stream: frame.kind === frameKind.stderr ? 'stderr' : 'stdout', bytes: frame.payload };
      }
    } finally {
      exited.resolve(null);
      connection.destroy();
    }
  }

  const output = Readable.from(read(), { objectMode: true, highWaterMark: 8 });
  const input = wantsInput ? inputTo(connection) : null;
  return {
    pid,
    output,
    input,
    exited: exited.promise,
    close() {
      exited.resolve(null);
      output.destroy();
      input?.destroy();
      connection.destroy();
    },
  };
}

function inputTo(connection: FrameSocket): Writable {
  const input = new Writable({
    write(chunk: Buffer, _encoding, done) {
      connection.send(frameKind.stdin, chunk).then(() => done(), done);
    },
    final(done) {
      connection.send(frameKind.stdin, Buffer.alloc(0)).then(() => done(), done);
    },
  });
  // The process may end before its input does: that is not an error of the one who writes, and `output` tells the end.
  input.on('error', () => input.destroy());
  return input;
}

import { z } from 'zod';
import { ExecutorError, ExitStatus } from './server.ts';

/**
 * Requests to a container's shim at `ROOT/CONTAINER_ID/shim.sock`: one connection per request, its first frame the JSON request.
 * Connect through /proc/self/fd/N of the directory when the path is longer than a socket address may be (107 bytes).
 * `processId` is "init" or an exec's id.
 *
 * attach and exec (not detached) turn the connection into a stream after the answer: stdin frames in (an empty one is end of
 * input), stdout and stderr frames out (all output is stdout with a terminal), then one JSON frame ShimExited when the process has
 * ended and every byte of its output has been sent; then the shim closes. `replay` is never done: attach shows output from now on.
 */
const processId = z.string().regex(/^(init|[0-9a-f]{64})$/);
const size = z.object({ height: z.number().int().min(0).max(65535), width: z.number().int().min(0).max(65535) });

export const ShimRequest = z.discriminatedUnion('op', [
  /** Opens the gate of a created container; answers when its program runs. */
  z.object({ op: z.literal('start') }),
  z.object({ op: z.literal('attach'), processId, stdin: z.boolean(), stdout: z.boolean(), stderr: z.boolean() }),
  z.object({
    op: z.literal('exec'),
    processId,
    /** An OCI runtime-spec `process` value. */
    process: z.record(z.string(), z.unknown()),
    stdin: z.boolean(),
    /** Answer once started and close; the process runs on without input, its output is dropped. */
    detach: z.boolean(),
  }),
  /** Answers when the process has ended (at once if it has). */
  z.object({ op: z.literal('wait'), processId }),
  z.object({ op: z.literal('resize'), processId, size }),
  z.object({ op: z.literal('signal'), processId, signal: z.number().int().min(0).max(64) }),
  z.object({ op: z.literal('close-stdin'), processId }),
]);
export type ShimRequest = z.infer<typeof ShimRequest>;

/** First answer. `pid` is the host pid (start, attach, exec), `startedAt` the time of start; `exit` answers wait. */
export const ShimAnswer = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), pid: z.number().int().optional(), startedAt: z.string().optional(), exit: ExitStatus.optional() }),
  z.object({ ok: z.literal(false), error: ExecutorError }),
]);
export type ShimAnswer = z.infer<typeof ShimAnswer>;

/** Last frame of an attach or exec stream. */
export const ShimExited = z.object({ type: z.literal('exited'), exit: ExitStatus });
export type ShimExited = z.infer<typeof ShimExited>;

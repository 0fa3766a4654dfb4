import { wrongState } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';
import type { AttachRequest } from './containers.ts';
import type { LiveContainer, PendingAttach } from './live-container.ts';
import type { ProcessStream } from './process-stream.ts';

/** To the container's own process; before the start, the promise resolves with the start. */
export async function attachTo(executor: Executor, live: LiveContainer, request: AttachRequest): Promise<ProcessStream> {
  const { stdin, stdout, stderr, signal } = request;
  const shimRequest = { processId: 'init', stdin: stdin && live.record.spec.openStdin, stdout, stderr };
  signal?.throwIfAborted();
  if (live.hasProcess) return closedWith(signal, await executor.shim(live.id).attach(shimRequest));
  if (live.record.status === 'removing' || live.record.status === 'dead') throw wrongState(`container ${live.record.name} is being removed`);

  const { promise, resolve, reject } = Promise.withResolvers<ProcessStream>();
  const pending: PendingAttach = {
    async connect(shim) {
      try {
        resolve(closedWith(signal, await shim.attach(shimRequest)));
      } catch (error) {
        reject(error);
      }
    },
    fail: reject,
  };
  live.pendingAttaches.add(pending);
  const abandon = () => {
    live.pendingAttaches.delete(pending);
    reject(signal?.reason);
  };
  signal?.addEventListener('abort', abandon, { once: true });
  return promise.finally(() => signal?.removeEventListener('abort', abandon));
}

function closedWith(signal: AbortSignal | undefined, stream: ProcessStream): ProcessStream {
  if (signal?.aborted === true) stream.close();
  signal?.addEventListener('abort', () => stream.close(), { once: true });
  return stream;
}

import { createInterface } from 'node:readline';
import { describeError } from '@gantry/platform/errors';
import { silentLogger } from '@gantry/platform/node';
import { openRuntime } from './open-runtime.ts';

/**
 * An agent to be killed: opens the runtime told in its first argument, carries out commands from stdin, one JSON line each
 * (`{ id, method, arguments }` of `containers`), and answers each with a line when it is done (`result`: a name it made), as an agent acknowledges a request.
 */
const [, , argument = ''] = process.argv;
const runtime = await openRuntime({ ...JSON.parse(argument), logger: silentLogger() });
const methods = {
  create: (name: string, spec: object) => runtime.containers.create({ name, spec: { image: 'busybox:latest', ...spec } }).then(() => null),
  start: (name: string) => runtime.containers.start(name),
  stop: (name: string) => runtime.containers.stop(name, { timeoutSeconds: 0 }),
  remove: (name: string) => runtime.containers.remove(name, { force: true }),
  rename: (name: string, to: string) => runtime.containers.rename(name, to),
  pause: (name: string) => runtime.containers.pause(name),
  unpause: (name: string) => runtime.containers.unpause(name),
  tag: (reference: string) => Promise.resolve(runtime.images.tag('busybox:latest', reference)),
  untag: (reference: string) => runtime.images.remove(reference).then(() => null),
  /** What there is, as JSON: status by name, and references. */
  observe: async () =>
    JSON.stringify({
      containers: Object.fromEntries(runtime.containers.list().map(({ name, state }) => [name, state.status])),
      tags: runtime.images.list().flatMap(({ references }) => references),
    }),
  /** Follows the log to its end. */
  follow: async (name: string) => {
    let bytes = 0;
    for await (const entry of runtime.containers.logs(name, { stdout: true, stderr: true, follow: true })) bytes += entry.bytes.length;
    return String(bytes);
  },
  execCreate: (name: string, cmd: string[]) => runtime.containers.execCreate(name, { cmd, attachStdout: true }),
  execStart: (execId: string) => runtime.containers.execStart(execId, { detach: true }).then(() => execId),
};
export type AgentMethod = keyof typeof methods;

const say = (value: object) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, args }: { id: number; method: AgentMethod; args: [string, never] } = JSON.parse(line);
  methods[method](...args).then(
    (result) => say({ id, ok: true, ...(typeof result === 'string' ? { result } : {}) }),
    (error: unknown) => say({ id, ok: false, error: describeError(error) }),
  );
}
await runtime.close();

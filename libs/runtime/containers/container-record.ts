import { z } from 'zod';
import { ContainerSpec, EndpointSpec, Healthcheck } from './spec.ts';

const text = z.string();

export const ResolvedProcessRecord = z.object({
  entrypoint: z.array(text),
  cmd: z.array(text),
  args: z.array(text),
  env: z.array(text),
  workingDir: text,
  user: text,
  stopSignal: text,
  stopTimeoutSeconds: z.number(),
  healthcheck: Healthcheck.nullable(),
  labels: z.record(text, text),
  exposedPorts: z.array(text),
  volumes: z.array(text),
});

export const MountRecord = z.object({
  type: z.enum(['bind', 'volume', 'tmpfs', 'image']),
  name: text,
  /** Of an image: its id. */
  source: text,
  target: text,
  driver: text,
  readOnly: z.boolean(),
  propagation: text,
  /** What of the volume or image is mounted; looked for at each start. */
  subpath: text.default(''),
  /** What the executor is told beyond the above: tmpfs size and mode, recursion. */
  options: z.array(text),
});
export type MountRecord = z.infer<typeof MountRecord>;

/** What is written down of a container; one record, replaced as a whole. */
export const ContainerRecord = z.object({
  id: text,
  name: text,
  spec: ContainerSpec,
  process: ResolvedProcessRecord,
  imageId: text,
  /** Chain ID of the image's top layer, null for scratch: the image itself may be gone. */
  chainId: text.nullable(),
  createdAt: text,
  status: z.enum(['created', 'running', 'paused', 'restarting', 'exited', 'removing', 'dead']),
  exitCode: z.number(),
  oomKilled: z.boolean(),
  error: text,
  startedAt: text.nullable(),
  finishedAt: text.nullable(),
  restartCount: z.number(),
  /** Stopped or killed on request since it was last started. */
  wasStopped: z.boolean(),
  mounts: z.array(MountRecord),
  /** Network name → what was asked for, and the interface it got while running. */
  networks: z.record(text, z.object({ networkId: text, spec: EndpointSpec, interfaceName: text })),
});
export type ContainerRecord = z.infer<typeof ContainerRecord>;

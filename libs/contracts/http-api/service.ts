import { z } from 'zod';
import { NodeId, ServiceId, StackId } from '../ids/index.ts';
import { labelFilter, listQuery, nameFilter } from './list-query.ts';
import { pageOf, recordVersion, timestamp } from './page.ts';

export const ResourceName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'expected 1 to 63 letters, digits, "_", "." or "-", starting with a letter or digit');

const dayMs = 86_400_000;
const mostLabels = 256;
const mostMemoryBytes = 2 ** 50;
/** 16,384 CPUs. */
const mostNanoCpus = 16_384e9;
const durationMs = z.number().int().nonnegative().max(dayMs);

export const labels = z
  .record(z.string().max(255), z.string().max(4096))
  .refine((map) => Object.keys(map).length <= mostLabels, `expected at most ${mostLabels} labels`);

/** Arguments of a program; one is at most what Linux passes on (MAX_ARG_STRLEN). */
const words = z.array(z.string().max(131_071)).max(1_024);

export const HealthcheckSpec = z.object({
  /** As Docker's: ["CMD", …], ["CMD-SHELL", line] or ["NONE"]. */
  test: words.min(1),
  intervalMs: durationMs.min(1).default(30_000),
  timeoutMs: durationMs.min(1).default(30_000),
  startPeriodMs: durationMs.default(0),
  startIntervalMs: durationMs.min(1).default(5_000),
  retries: z.number().int().positive().max(1_000).default(3),
});

export const MountSpec = z.object({
  type: z.enum(['bind', 'volume', 'tmpfs']),
  source: z.string().max(4096).default(''),
  target: z.string().startsWith('/').max(4096),
  readOnly: z.boolean().default(false),
});

/** A secret or config that a task gets as a file. Of a secret `target` is below /run/secrets unless it begins with a slash, of a config below /. */
export const PayloadUse = z.object({
  name: ResourceName,
  /** Where; its name unless told. */
  target: z
    .string()
    .max(1024)
    .refine((path) => !path.split('/').includes('..'), 'expected a path without ".."')
    .default(''),
  uid: z.number().int().min(0).max(0xffff_fffe).default(0),
  gid: z.number().int().min(0).max(0xffff_fffe).default(0),
  mode: z.number().int().min(0).max(0o777).default(0o444),
});

/** What runs; the names are Docker's meaning: entrypoint and command override the image's. */
export const TaskSpec = z.object({
  image: z.string().min(1).max(512),
  entrypoint: words.optional(),
  command: words.optional(),
  env: z
    .array(
      z
        .string()
        .max(131_071)
        .regex(/^[^=]+=/, 'expected NAME=value'),
    )
    .max(1_024)
    .default([]),
  workingDir: z.string().max(4096).optional(),
  user: z.string().max(255).optional(),
  hostname: z.string().max(63).optional(),
  labels: labels.default({}),
  tty: z.boolean().default(false),
  readOnlyRootfs: z.boolean().default(false),
  stopSignal: z.string().max(32).optional(),
  stopGraceMs: durationMs.default(10_000),
  healthcheck: HealthcheckSpec.optional(),
  mounts: z.array(MountSpec).max(256).default([]),
  secrets: z.array(PayloadUse).max(256).default([]),
  configs: z.array(PayloadUse).max(256).default([]),
  resources: z
    .object({
      limits: z
        .object({
          nanoCpus: z.number().int().positive().max(mostNanoCpus).optional(),
          memoryBytes: z.number().int().positive().max(mostMemoryBytes).optional(),
          pids: z.number().int().positive().max(4_194_304).optional(),
        })
        .default({}),
      reservations: z
        .object({
          nanoCpus: z.number().int().nonnegative().max(mostNanoCpus).default(0),
          memoryBytes: z.number().int().nonnegative().max(mostMemoryBytes).default(0),
          /** Units of what nodes have a number of: {"gpu": 1}. */
          generic: z
            .record(
              z.string().regex(/^[a-zA-Z0-9_.-]{1,64}$/, 'expected a name of letters, digits, "_", "." or "-"'),
              z.number().int().positive().max(1_000_000),
            )
            .refine((map) => Object.keys(map).length <= 32, 'expected at most 32 kinds')
            .optional(),
        })
        .default({ nanoCpus: 0, memoryBytes: 0 }),
    })
    .default({ limits: {}, reservations: { nanoCpus: 0, memoryBytes: 0 } }),
  restartPolicy: z
    .object({
      condition: z.enum(['none', 'on-failure', 'any']).default('any'),
      delayMs: durationMs.default(5_000),
      maxAttempts: z.number().int().positive().max(1_000_000).optional(),
      windowMs: durationMs.default(0),
    })
    .default({ condition: 'any', delayMs: 5_000, windowMs: 0 }),
  /**
   * What becomes of a task whose node is cut off from the control plane. replace: another is started elsewhere once the node counts as
   * down, and the old one is stopped when the node returns. keep: it is waited for. stop: as replace, and the node itself stops the task
   * after so long alone, so that the two never run at once; the control plane replaces it no sooner.
   */
  partition: z
    .discriminatedUnion('policy', [
      z.object({ policy: z.literal('replace') }),
      z.object({ policy: z.literal('keep') }),
      z.object({
        policy: z.literal('stop'),
        afterMs: z
          .number()
          .int()
          .min(1_000)
          .max(30 * dayMs),
      }),
    ])
    .default({ policy: 'replace' }),
  placement: z
    .object({
      /** As Swarm's: "node.hostname == a", "node.labels.zone != b". */
      constraints: z.array(z.string().max(1_024)).max(64).default([]),
      maxPerNode: z.number().int().positive().max(100_000).optional(),
      /** As Swarm's, most important first: "node.labels.zone" spreads tasks evenly over the values of that label. */
      preferences: z.array(z.string().max(255)).max(8).optional(),
      /** spread (default): where the fewest are; binpack: on as few nodes as can take them. */
      strategy: z.enum(['spread', 'binpack']).optional(),
    })
    .default({ constraints: [] }),
});
export type TaskSpec = z.infer<typeof TaskSpec>;

/** `ingress`: the port on each node that runs a task leads to the service's tasks there, in turn. `host`: to one task; it takes the port. */
export const PublishedPort = z.object({
  protocol: z.enum(['tcp', 'udp', 'sctp']).default('tcp'),
  targetPort: z.number().int().min(1).max(65535),
  /** 0: the control plane picks one from 30000–32767. */
  publishedPort: z.number().int().min(0).max(65535).default(0),
  mode: z.enum(['ingress', 'host']).default('ingress'),
});
export type PublishedPort = z.infer<typeof PublishedPort>;

export const maxReplicas = 100_000;

/** How tasks are replaced when what they run changes; the meaning and the defaults are Swarm's. */
export const UpdatePolicy = z.object({
  /** So many at a time; 0: all at once. */
  parallelism: z.number().int().nonnegative().max(maxReplicas).default(1),
  /** Rest after each replaced task. */
  delayMs: durationMs.default(0),
  order: z.enum(['stop-first', 'start-first']).default('stop-first'),
  /** For so long after it runs, a new task's end counts as the update's failure. */
  monitorMs: durationMs.default(5_000),
  /** More failures than this part of the tasks … */
  maxFailureRatio: z.number().min(0).max(1).default(0),
  /** … and this happens. */
  failureAction: z.enum(['pause', 'continue', 'rollback']).default('pause'),
  /** First so many tasks alone. The rest follow when somebody promotes them, or by itself when all of them have run for monitorMs. */
  canary: z.object({ tasks: z.number().int().min(1).max(maxReplicas), promotion: z.enum(['manual', 'automatic']).default('manual') }).optional(),
});
export type UpdatePolicy = z.infer<typeof UpdatePolicy>;

const jobFields = {
  /** So many tasks have to complete. */
  completions: z.number().int().min(1).max(1_000).default(1),
  /** So many of them at a time. */
  parallelism: z.number().int().min(1).max(1_000).default(1),
  /** A task that fails so often fails its run. */
  maxAttempts: z.number().int().min(1).max(100).default(3),
  /** Rest before the second attempt; twice as long before each one after it, up to an hour. */
  backOffMs: z.number().int().min(0).max(3_600_000).default(10_000),
  /** So many ended runs are kept, with their tasks. */
  historyLimit: z.number().int().min(1).max(100).default(10),
};

/** Runs to completion: once for each spec of its task, and when told to. */
const JobMode = z.object({ type: z.literal('job'), ...jobFields });

/** Runs to completion at each tick of a schedule. */
const CronMode = z.object({
  type: z.literal('cron'),
  ...jobFields,
  /** Five fields as crontab's, or six with seconds first. */
  schedule: z.string().min(1).max(256),
  /** In which the schedule is read, as in Europe/Berlin. */
  timeZone: z.string().min(1).max(64).default('UTC'),
  /** What a tick does while a run has not ended: begin another (ten at most), pass, or take its place. */
  concurrency: z.enum(['allow', 'forbid', 'replace']).default('forbid'),
  /** What becomes of ticks that nobody took in time, because the control plane was away: the latest is run late, or none is. */
  missed: z.enum(['latest', 'skip']).default('latest'),
  /** Later than so is not in time. */
  startWithinMs: z.number().int().min(1_000).max(86_400_000).default(60_000),
  isSuspended: z.boolean().default(false),
});

export const ServiceSpec = z.object({
  name: ResourceName,
  labels: labels.default({}),
  mode: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('replicated'), replicas: z.number().int().min(0).max(maxReplicas) }),
      z.object({ type: z.literal('global') }),
      JobMode,
      CronMode,
    ])
    .default({ type: 'replicated', replicas: 1 }),
  task: TaskSpec,
  ports: z.array(PublishedPort).max(64).default([]),
  update: UpdatePolicy.default(UpdatePolicy.parse({})),
  /** When a node joins or returns, move tasks to it, one at a time, the new one first. Unless told: as GANTRY_REBALANCE says. */
  rebalance: z.boolean().optional(),
  /**
   * No task of a revision starts before these services are: started (all their tasks' processes are), healthy (all their tasks run), or
   * completed (a job's latest run, or all tasks, ended well). Once one has run, the others wait no more; a job's wait each time.
   */
  dependsOn: z
    .array(z.object({ service: ResourceName, condition: z.enum(['started', 'healthy', 'completed']).default('started') }))
    .max(32)
    .optional(),
});
export type ServiceSpec = z.infer<typeof ServiceSpec>;

/** spec is the user's; ports are what the control plane allotted; status is what the agents saw. */
export const Service = z.object({
  id: ServiceId,
  version: recordVersion,
  stackId: StackId.nullable(),
  stackName: z.string().nullable(),
  spec: ServiceSpec,
  ports: z.array(PublishedPort),
  /** Of the spec; every change of it makes the next one. */
  revision: z.number().int().positive(),
  status: z.object({
    desiredTasks: z.number().int(),
    runningTasks: z.number().int(),
    state: z.enum(['converged', 'updating', 'pending', 'removing']),
    message: z.string(),
    /**
     * The latest change of what the tasks run; null before the first. canary: its first tasks run and wait to be promoted. paused: by a person
     * (isPaused), or because too many new tasks failed; message says which. reverting, reverted: back to what ran before.
     */
    update: z
      .object({
        state: z.enum(['updating', 'canary', 'paused', 'completed', 'reverting', 'reverted']),
        replacedTasks: z.number().int().nonnegative(),
        totalTasks: z.number().int().nonnegative(),
        isPaused: z.boolean(),
      })
      .nullable()
      .default(null),
  }),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Service = z.infer<typeof Service>;

export const ServicePage = pageOf(Service);
export const ServiceListQuery = listQuery(Service, {
  ...nameFilter,
  ...labelFilter,
  stackId: StackId.optional(),
  state: Service.shape.status.shape.state.optional(),
  mode: z.enum(['replicated', 'global', 'job', 'cron']).optional(),
  nodeId: NodeId.optional().describe('with a task that is wanted on this node'),
});
export type ServiceListQuery = z.infer<typeof ServiceListQuery>;

/** What a service was at one change of its spec. The latest are kept, and those that tasks still are of. */
export const ServiceRevision = z.object({
  revision: z.number().int().positive(),
  spec: ServiceSpec,
  ports: z.array(PublishedPort),
  /** The one whose tasks are wanted: after a failed update that rolled back, not the latest. */
  isWanted: z.boolean(),
  createdAt: timestamp,
});
export type ServiceRevision = z.infer<typeof ServiceRevision>;
export const ServiceRevisionPage = pageOf(ServiceRevision);
export const ServiceRevisionListQuery = listQuery(ServiceRevision, { serviceId: ServiceId });

/** Without `revision`: the one before, or the one that a failed update went back to. */
export const ServiceRollback = z.object({ revision: z.number().int().positive().optional() });

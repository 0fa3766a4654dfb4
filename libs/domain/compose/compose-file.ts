import { ResourceName } from '@gantry/contracts/http-api';
import { z } from 'zod';
import { checkDependencies } from '../service/index.ts';
import { ComposeMount } from './mount.ts';
import { ComposePayload, ComposePayloadUse } from './payloads.ts';
import { ComposePort } from './port.ts';
import { splitShellWords } from './shell-words.ts';
import { Bytes, DurationMs, NanoCpus } from './units.ts';

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const Words = z.union([z.string().transform(splitShellWords), z.array(scalar)]);

/** `{A: b}` or `["A=b"]`. A name alone would take its value from a shell that is not there. */
const Environment = z.union([
  z.record(z.string(), z.union([scalar, z.null()])).transform((map) => Object.entries(map).map(([name, value]) => `${name}=${value ?? ''}`)),
  z.array(z.string().regex(/^[^=]+=/, 'expected NAME=value')),
]);

const Labels = z.union([
  z.record(z.string(), z.union([scalar, z.null()])).transform((map) => Object.fromEntries(Object.entries(map).map(([name, value]) => [name, value ?? '']))),
  z.array(z.string()).transform((list) => Object.fromEntries(list.map((entry) => [entry.split('=')[0] ?? '', entry.split('=').slice(1).join('=')]))),
]);

const Healthcheck = z.strictObject({
  test: z.union([z.string().transform((line) => ['CMD-SHELL', line]), z.array(z.string()).min(1)]).optional(),
  interval: DurationMs.optional(),
  timeout: DurationMs.optional(),
  start_period: DurationMs.optional(),
  start_interval: DurationMs.optional(),
  retries: z.number().int().positive().optional(),
  disable: z.boolean().default(false),
});

const Limits = z.strictObject({ cpus: NanoCpus.optional(), memory: Bytes.optional(), pids: z.number().int().positive().optional() });
const GenericResource = z.strictObject({ discrete_resource_spec: z.strictObject({ kind: z.string().max(64), value: z.number().int().positive() }) });
const Reservations = z.strictObject({
  cpus: NanoCpus.optional(),
  memory: Bytes.optional(),
  generic_resources: z.array(GenericResource).optional(),
});

const UpdateConfig = z.strictObject({
  parallelism: z.number().int().nonnegative().optional(),
  delay: DurationMs.optional(),
  order: z.enum(['stop-first', 'start-first']).optional(),
  monitor: DurationMs.optional(),
  max_failure_ratio: z.number().min(0).max(1).optional(),
  failure_action: z.enum(['pause', 'continue', 'rollback']).optional(),
});

const Deploy = z.strictObject({
  mode: z.enum(['replicated', 'global', 'replicated-job']).default('replicated'),
  replicas: z.number().int().nonnegative().optional(),
  labels: Labels.default({}),
  resources: z.strictObject({ limits: Limits.default({}), reservations: Reservations.default({}) }).default({ limits: {}, reservations: {} }),
  restart_policy: z
    .strictObject({
      condition: z.enum(['none', 'on-failure', 'any']).optional(),
      delay: DurationMs.optional(),
      max_attempts: z.number().int().positive().optional(),
      window: DurationMs.optional(),
    })
    .default({}),
  placement: z
    .strictObject({
      constraints: z.array(z.string()).default([]),
      preferences: z.array(z.strictObject({ spread: z.string() })).optional(),
      max_replicas_per_node: z.number().int().positive().optional(),
    })
    .default({ constraints: [] }),
  update_config: UpdateConfig.default({}),
});

/** Ours, as Compose has none: a service that runs at each tick of a schedule. */
const Cron = z.strictObject({
  schedule: z.string(),
  time_zone: z.string().optional(),
  concurrency: z.enum(['allow', 'forbid', 'replace']).optional(),
  missed: z.enum(['latest', 'skip']).optional(),
  suspend: z.boolean().optional(),
  history: z.number().int().positive().optional(),
});

const conditions = { service_started: 'started', service_healthy: 'healthy', service_completed_successfully: 'completed' } as const;
const Condition = z.enum(['service_started', 'service_healthy', 'service_completed_successfully']).transform((name) => conditions[name]);

/** A list of names, or names with what is waited for. */
const DependsOn = z.union([
  z.array(ResourceName).transform((names) => names.map((service) => ({ service, condition: 'started' as const }))),
  z
    .record(ResourceName, z.strictObject({ condition: Condition, required: z.literal(true).optional() }))
    .transform((map) => Object.entries(map).map(([service, { condition }]) => ({ service, condition }))),
]);

export const ComposeService = z.strictObject({
  image: z.string().min(1),
  command: Words.optional(),
  entrypoint: Words.optional(),
  environment: Environment.default([]),
  ports: z.array(ComposePort).default([]),
  deploy: Deploy.optional(),
  'x-cron': Cron.optional(),
  depends_on: DependsOn.optional(),
  healthcheck: Healthcheck.optional(),
  labels: Labels.default({}),
  volumes: z.array(ComposeMount).default([]),
  secrets: z.array(ComposePayloadUse).default([]),
  configs: z.array(ComposePayloadUse).default([]),
  tmpfs: z.union([z.string().transform((path) => [path]), z.array(z.string())]).default([]),
  user: scalar.optional(),
  working_dir: z.string().optional(),
  hostname: z.string().optional(),
  read_only: z.boolean().default(false),
  stop_grace_period: DurationMs.optional(),
  stop_signal: z.string().optional(),
  tty: z.boolean().default(false),
  restart: z.union([z.enum(['no', 'always', 'on-failure', 'unless-stopped']), z.literal(false)]).optional(),
});
export type ComposeService = z.infer<typeof ComposeService>;

/** What is understood of a Compose file. Every other key is an error: to ignore one would be to run something else than was asked for. */
export const ComposeFile = z
  .strictObject({
    version: z.union([z.string(), z.number()]).optional(),
    name: z.string().optional(),
    services: z.record(ResourceName, ComposeService).refine((services) => Object.keys(services).length > 0, 'a stack has at least one service'),
    /** Named volumes are made on each node when first used; they take no options. */
    volumes: z.record(z.string(), z.union([z.null(), z.strictObject({})])).default({}),
    secrets: z.record(z.string(), ComposePayload).default({}),
    configs: z.record(z.string(), ComposePayload).default({}),
  })
  .superRefine((file, context) => {
    const graph = new Map(Object.entries(file.services).map(([name, { depends_on = [] }]) => [name, depends_on.map(({ service }) => service)]));
    for (const [service, uses] of Object.entries(file.services)) {
      for (const { field, message } of checkDependencies({ name: service, dependsOn: uses.depends_on }, graph)) {
        const at = uses.depends_on?.[Number(field.split('.')[1])];
        context.addIssue({ code: 'custom', path: ['services', service, 'depends_on', at?.service ?? ''], message });
      }
      for (const section of ['secrets', 'configs'] as const) {
        for (const [index, { source }] of uses[section].entries()) {
          if (source in file[section]) continue;
          context.addIssue({ code: 'custom', path: ['services', service, section, index], message: `the file has no "${source}" among its own ${section}` });
        }
      }
    }
  });
export type ComposeFile = z.infer<typeof ComposeFile>;

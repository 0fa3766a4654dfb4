import { ServiceSpec } from '@gantry/contracts/http-api';
import type { ComposeFile, ComposeService } from './compose-file.ts';

/** Leaves out what is undefined, so that defaults apply. */
function given<T extends object>(values: T): Partial<{ [K in keyof T]: Exclude<T[K], undefined> }> {
  const kept = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as Partial<{ [K in keyof T]: Exclude<T[K], undefined> }>; // entries of T less the undefined ones
}

function toHealthcheck(healthcheck: ComposeService['healthcheck']) {
  if (healthcheck === undefined) return undefined;
  if (healthcheck.disable) return { test: ['NONE'] };
  // a check without a test keeps the image's own, with the defaults of its timing
  if (healthcheck.test === undefined) return undefined;
  const { test, interval, timeout, start_period, start_interval, retries } = healthcheck;
  return given({ test, intervalMs: interval, timeoutMs: timeout, startPeriodMs: start_period, startIntervalMs: start_interval, retries });
}

/** `deploy.restart_policy` wins over the single-host `restart`. */
function toRestartPolicy(service: ComposeService) {
  const policy = service.deploy?.restart_policy ?? {};
  const fromRestart = { no: 'none', false: 'none', 'on-failure': 'on-failure', always: 'any', 'unless-stopped': 'any' } as const;
  const condition = policy.condition ?? (service.restart === undefined ? undefined : fromRestart[String(service.restart) as keyof typeof fromRestart]); // the schema admits these alone
  return given({ condition, delayMs: policy.delay, maxAttempts: policy.max_attempts, windowMs: policy.window });
}

type GenericResources = NonNullable<ComposeService['deploy']>['resources']['reservations']['generic_resources'];

function toGeneric(resources: GenericResources): Record<string, number> | undefined {
  return resources && Object.fromEntries(resources.map(({ discrete_resource_spec: { kind, value } }) => [kind, value]));
}

function toUses(uses: ComposeService['secrets'], definitions: ComposeFile['secrets']) {
  return uses.map(({ source, ...use }) => ({ name: definitions[source]?.name ?? source, ...given(use) }));
}

function toTask(service: ComposeService, file: ComposeFile) {
  const { deploy } = service;
  const limits = deploy?.resources.limits ?? {};
  const reservations = deploy?.resources.reservations ?? {};
  const tmpfs = service.tmpfs.map((target) => ({ type: 'tmpfs' as const, target }));
  return {
    ...given({
      entrypoint: service.entrypoint,
      command: service.command,
      workingDir: service.working_dir,
      user: service.user,
      hostname: service.hostname,
      stopSignal: service.stop_signal,
      stopGraceMs: service.stop_grace_period,
      healthcheck: toHealthcheck(service.healthcheck),
    }),
    image: service.image,
    env: service.environment,
    labels: service.labels,
    tty: service.tty,
    readOnlyRootfs: service.read_only,
    mounts: [...service.volumes, ...tmpfs],
    secrets: toUses(service.secrets, file.secrets),
    configs: toUses(service.configs, file.configs),
    resources: {
      limits: given({ nanoCpus: limits.cpus, memoryBytes: limits.memory, pids: limits.pids }),
      reservations: given({ nanoCpus: reservations.cpus, memoryBytes: reservations.memory, generic: toGeneric(reservations.generic_resources) }),
    },
    restartPolicy: toRestartPolicy(service),
    placement: {
      constraints: deploy?.placement.constraints ?? [],
      ...given({ maxPerNode: deploy?.placement.max_replicas_per_node, preferences: deploy?.placement.preferences?.map(({ spread }) => spread) }),
    },
  };
}

function toMode({ deploy, 'x-cron': cron, ...service }: ComposeService) {
  const { maxAttempts, delayMs } = toRestartPolicy({ deploy, ...service });
  const job = given({ completions: deploy?.replicas, parallelism: deploy?.replicas, maxAttempts, backOffMs: delayMs });
  if (cron !== undefined) {
    const { schedule, time_zone, concurrency, missed, suspend, history } = cron;
    return { type: 'cron', schedule, ...job, ...given({ timeZone: time_zone, concurrency, missed, isSuspended: suspend, historyLimit: history }) };
  }
  if (deploy?.mode === 'replicated-job') return { type: 'job', ...job };
  return deploy?.mode === 'global' ? { type: 'global' } : { type: 'replicated', replicas: deploy?.replicas ?? 1 };
}

function toService(stackName: string, name: string, service: ComposeService, file: ComposeFile): ServiceSpec {
  const { deploy } = service;
  const update = deploy?.update_config ?? {};
  return ServiceSpec.parse({
    name: `${stackName}_${name}`,
    labels: { ...deploy?.labels, 'com.docker.stack.namespace': stackName },
    mode: toMode(service),
    task: toTask(service, file),
    ports: service.ports.flat(),
    ...given({ dependsOn: service.depends_on?.map(({ service: on, condition }) => ({ service: `${stackName}_${on}`, condition })) }),
    update: given({
      parallelism: update.parallelism,
      delayMs: update.delay,
      order: update.order,
      monitorMs: update.monitor,
      maxFailureRatio: update.max_failure_ratio,
      failureAction: update.failure_action,
    }),
  });
}

/** One service spec for each of the file's services, named as `docker stack deploy` names them: STACK_SERVICE. */
export function toServices(stackName: string, file: ComposeFile): ServiceSpec[] {
  return Object.entries(file.services).map(([name, service]) => toService(stackName, name, service, file));
}

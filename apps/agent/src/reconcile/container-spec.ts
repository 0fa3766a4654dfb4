import type { AssignedTask } from '@gantry/contracts/agent-link';
import type { ContainerSpecInput } from '@gantry/runtime/containers';
import { fillPlaceholders } from './placeholders.ts';
import { toTaskLabels } from './task-labels.ts';

/** A task in the runtime's words. Restarting is the control plane's (or the reconciler's), never the runtime's. */
export function toContainerSpec(task: AssignedTask, payloads: readonly MountInput[] = []): ContainerSpecInput {
  const { spec } = task;
  const { limits, reservations } = spec.resources;
  const hostPorts = task.ports.filter(({ mode, publishedPort }) => mode === 'host' && publishedPort !== 0);
  const portKey = (port: AssignedTask['ports'][number]) => `${port.targetPort}/${port.protocol}`;
  return {
    image: spec.image,
    entrypoint: spec.entrypoint ?? null,
    cmd: spec.command ?? null,
    env: spec.env.map((variable) => fillPlaceholders(variable, task)),
    workingDir: spec.workingDir ?? '',
    user: spec.user ?? '',
    hostname: fillPlaceholders(spec.hostname ?? '', task),
    labels: toTaskLabels(task),
    tty: spec.tty,
    stopSignal: spec.stopSignal ?? '',
    stopTimeoutSeconds: Math.ceil(spec.stopGraceMs / 1000),
    healthcheck: spec.healthcheck ?? null,
    exposedPorts: [...new Set(task.ports.map(portKey))],
    hostConfig: {
      readonlyRootfs: spec.readOnlyRootfs,
      mounts: [...spec.mounts.map(toMount), ...payloads],
      portBindings: Object.fromEntries(
        [...Map.groupBy(hostPorts, portKey)].map(([key, ports]) => [key, ports.map(({ publishedPort }) => ({ hostPort: String(publishedPort) }))]),
      ),
      resources: {
        memory: limits.memoryBytes ?? 0,
        memoryReservation: reservations.memoryBytes,
        nanoCpus: limits.nanoCpus ?? 0,
        pidsLimit: limits.pids ?? 0,
      },
    },
  };
}

type MountInput = NonNullable<NonNullable<ContainerSpecInput['hostConfig']>['mounts']>[number];

function toMount(mount: AssignedTask['spec']['mounts'][number]): MountInput {
  const { target, readOnly } = mount;
  switch (mount.type) {
    case 'bind':
      return { type: 'bind', source: mount.source, target, readOnly };
    case 'volume':
      return { type: 'volume', source: mount.source, target, readOnly };
    case 'tmpfs':
      return { type: 'tmpfs', target, readOnly };
  }
}

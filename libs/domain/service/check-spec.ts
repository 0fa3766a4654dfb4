import type { ServiceSpec } from '@gantry/contracts/http-api';
import { parseSchedule } from '../job/schedule.ts';
import { parseConstraint, parsePreference } from '../node/index.ts';

export interface SpecFault {
  /** A path, as in `task.mounts.0.source`. */
  readonly field: string;
  readonly message: string;
}

type Mount = ServiceSpec['task']['mounts'][number];

function faultOfMount({ type, source }: Mount): string | null {
  if (type === 'bind') return source.startsWith('/') ? null : 'a bind mount needs an absolute path on the node';
  if (type === 'volume') return source === '' || /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(source) ? null : `"${source}" is no name of a volume`;
  return source === '' ? null : 'a tmpfs has no source';
}

function checkMounts(mounts: readonly Mount[]): SpecFault[] {
  const targets = new Set<string>();
  return mounts.flatMap((mount, index) => {
    const fault = faultOfMount(mount);
    const isTaken = targets.has(mount.target);
    targets.add(mount.target);
    return [
      ...(fault === null ? [] : [{ field: `task.mounts.${index}.source`, message: fault }]),
      ...(isTaken ? [{ field: `task.mounts.${index}.target`, message: `${mount.target} is mounted twice` }] : []),
    ];
  });
}

function checkPayloads({ mounts, secrets, configs }: ServiceSpec['task']): SpecFault[] {
  const targets = new Set(mounts.map((mount) => mount.target));
  const uses = [
    ...secrets.map((use, index) => ({ use, field: `task.secrets.${index}.target`, below: '/run/secrets/' })),
    ...configs.map((use, index) => ({ use, field: `task.configs.${index}.target`, below: '/' })),
  ];
  return uses.flatMap(({ use, field, below }) => {
    const target = use.target.startsWith('/') ? use.target : `${below}${use.target === '' ? use.name : use.target}`;
    if (target.endsWith('/')) return [{ field, message: `${target} is no place for a file` }];
    if (targets.has(target)) return [{ field, message: `there is something else at ${target}` }];
    targets.add(target);
    return [];
  });
}

function checkSchedule(mode: ServiceSpec['mode']): SpecFault[] {
  if (mode.type !== 'cron') return [];
  const schedule = parseSchedule(mode.schedule, mode.timeZone);
  if (typeof schedule !== 'string') return [];
  return [{ field: schedule.includes('time zone') ? 'mode.timeZone' : 'mode.schedule', message: schedule }];
}

/** What a schema can not say: rules across fields, and the little languages inside strings. */
export function checkServiceSpec({ task, ports, mode }: ServiceSpec): SpecFault[] {
  const faults: SpecFault[] = [...checkMounts(task.mounts), ...checkPayloads(task), ...checkSchedule(mode)];
  for (const [index, text] of task.placement.constraints.entries()) {
    const parsed = parseConstraint(text);
    if (typeof parsed === 'string') faults.push({ field: `task.placement.constraints.${index}`, message: parsed });
  }
  for (const [index, text] of (task.placement.preferences ?? []).entries()) {
    if (parsePreference(text) === null)
      faults.push({ field: `task.placement.preferences.${index}`, message: `"${text}" is no preference: expected node.labels.NAME` });
  }
  if (task.resources.limits.memoryBytes !== undefined && task.resources.limits.memoryBytes < task.resources.reservations.memoryBytes) {
    faults.push({ field: 'task.resources.reservations.memoryBytes', message: 'more is reserved than the limit allows' });
  }
  if (task.resources.limits.nanoCpus !== undefined && task.resources.limits.nanoCpus < task.resources.reservations.nanoCpus) {
    faults.push({ field: 'task.resources.reservations.nanoCpus', message: 'more is reserved than the limit allows' });
  }
  if (mode.type === 'global' && task.placement.maxPerNode !== undefined)
    faults.push({ field: 'task.placement.maxPerNode', message: 'a global service has one task on each node anyway' });
  for (const [index, port] of ports.entries()) {
    if (port.protocol === 'sctp' && port.mode === 'ingress')
      faults.push({ field: `ports.${index}.protocol`, message: 'sctp can be published in host mode only' });
  }
  return faults;
}

import { join } from 'node:path';
import { conflict, invalid, notFound } from '@gantry/platform/errors';
import type { EventDraft } from '@gantry/runtime/events';
import type { Durability } from '@gantry/runtime/metadata';
import type { PublishedPort } from '@gantry/runtime/networks';
import type { Container, ContainerNetwork, ContainerPort } from './container.ts';
import { ContainerRecord } from './container-record.ts';
import { LiveContainer } from './live-container.ts';
import type { ContainerParts } from './parts.ts';
import { ExecRecord, RunRecord } from './run-record.ts';

/** All containers of this host: by id, by name, on disk. */
export interface ContainerTable {
  list(): LiveContainer[];
  find(reference: string): LiveContainer | undefined;
  get(reference: string): LiveContainer;
  add(record: ContainerRecord): LiveContainer;
  /** On disk when it returns, unless told. */
  save(live: LiveContainer, changes: Partial<ContainerRecord>, durability?: Durability): void;
  /** As `save`, but what cannot be written is true all the same; says whether it was. */
  saveTruth(live: LiveContainer, changes: Partial<ContainerRecord>, durability?: Durability): boolean;
  /** Survives this process, not the host. */
  saveRun(live: LiveContainer, changes: Partial<RunRecord>): void;
  saveExec(live: LiveContainer, exec: ExecRecord): void;
  dropExec(live: LiveContainer, execId: string): void;
  rename(live: LiveContainer, name: string): void;
  checkName(name: string): void;
  drop(live: LiveContainer): void;
  view(live: LiveContainer): Container;
  emit(live: LiveContainer, action: string, attributes?: EventDraft['attributes']): void;
  directory(id: string): string;
  logPath(id: string): string;
}

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export function openContainerTable(parts: ContainerParts): ContainerTable {
  const records = parts.metadata.collection('containers', ContainerRecord);
  const containers = new Map<string, LiveContainer>();
  const names = new Map<string, string>();
  const runs = parts.runs.collection('runs', RunRecord);
  const execs = parts.runs.collection('execs', ExecRecord);
  for (const [id, record] of records.entries()) {
    const live = new LiveContainer(record);
    live.runRecord = runs.get(id) ?? live.runRecord;
    containers.set(id, live);
    names.set(record.name, id);
  }
  for (const [id, exec] of execs.entries()) {
    const live = containers.get(exec.containerId);
    if (live === undefined) execs.delete(id);
    else live.execs.set(id, exec);
  }

  const directory = (id: string) => join(parts.settings.directory, id);
  const logPath = (id: string) => join(directory(id), `${id}-json.log`);

  /** A full /run takes from what is known after a crash, and nothing from what works now. */
  function note(live: LiveContainer, write: () => void): void {
    try {
      write();
    } catch (error) {
      parts.logger.error({ err: error, containerId: live.id }, 'could not note the state of a run');
    }
  }

  function checkName(name: string): void {
    if (!namePattern.test(name)) throw invalid(`Invalid container name (${name.slice(0, 200)}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`);
    const holder = names.get(name);
    if (holder !== undefined) {
      throw conflict(
        `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    }
  }

  function find(reference: string): LiveContainer | undefined {
    const text = reference.startsWith('/') ? reference.slice(1) : reference;
    const exact = containers.get(text) ?? containers.get(names.get(text) ?? '');
    if (exact !== undefined || !/^[0-9a-f]{1,64}$/.test(text)) return exact;
    const matches = [...containers.keys()].filter((id) => id.startsWith(text));
    if (matches.length > 1) throw invalid(`multiple IDs found with provided prefix: ${text}`);
    return containers.get(matches[0] ?? '');
  }

  function networksOf(live: LiveContainer): Record<string, ContainerNetwork> {
    const endpoints = parts.networks.endpointsOf(live.id);
    return Object.fromEntries(
      Object.entries(live.record.networks).map(([name, { networkId, spec }]) => [
        name,
        { networkId, spec, endpoint: endpoints.find((endpoint) => endpoint.networkId === networkId) ?? null },
      ]),
    );
  }

  function view(live: LiveContainer): Container {
    const { record } = live;
    return {
      id: record.id,
      name: record.name,
      spec: record.spec,
      process: record.process,
      imageId: record.imageId,
      createdAt: record.createdAt,
      state: {
        status: record.status,
        pid: live.pid,
        exitCode: record.exitCode,
        oomKilled: record.oomKilled,
        error: record.error,
        startedAt: record.startedAt,
        finishedAt: record.finishedAt,
        health: live.runRecord.health,
      },
      restartCount: record.restartCount,
      mounts: record.mounts.map(({ options: _options, subpath: _subpath, ...mount }) => mount),
      networks: networksOf(live),
      ports: toPorts(record.process.exposedPorts, parts.networks.ports.published(record.id)),
      paths: {
        log: record.spec.hostConfig.logConfig.type === 'none' ? '' : logPath(record.id),
        hostname: join(directory(record.id), 'hostname'),
        hosts: join(directory(record.id), 'hosts'),
        resolvConf: join(directory(record.id), 'resolv.conf'),
      },
      execIds: [...live.execs.values()].filter((exec) => exec.isRunning && !exec.isProbe).map((exec) => exec.id),
    };
  }

  return {
    list: () => [...containers.values()],
    find,
    get(reference) {
      const live = find(reference);
      if (live === undefined) throw notFound(`No such container: ${reference}`);
      return live;
    },
    add(record) {
      if (containers.has(record.id)) throw conflict(`container ${record.id} exists already`);
      checkName(record.name);
      records.put(record.id, record);
      const live = new LiveContainer(record);
      containers.set(record.id, live);
      names.set(record.name, record.id);
      return live;
    },
    save(live, changes, durability) {
      const record = { ...live.record, ...changes };
      records.put(record.id, record, durability);
      live.record = record;
    },
    saveTruth(live, changes, durability) {
      try {
        this.save(live, changes, durability);
        return true;
      } catch (error) {
        parts.logger.error({ err: error, containerId: live.id }, 'could not record what became of a container');
        live.record = { ...live.record, ...changes };
        return false;
      }
    },
    saveRun(live, changes) {
      live.runRecord = { ...live.runRecord, ...changes };
      note(live, () => runs.put(live.id, live.runRecord));
    },
    saveExec(live, exec) {
      live.execs.set(exec.id, exec);
      if (!exec.isProbe) note(live, () => execs.put(exec.id, exec));
    },
    dropExec(live, execId) {
      live.execs.delete(execId);
      execs.delete(execId);
    },
    checkName,
    rename(live, name) {
      checkName(name);
      const before = live.record.name;
      this.save(live, { name });
      names.delete(before);
      names.set(name, live.id);
    },
    drop(live) {
      records.delete(live.id);
      runs.delete(live.id);
      for (const id of live.execs.keys()) execs.delete(id);
      containers.delete(live.id);
      if (names.get(live.record.name) === live.id) names.delete(live.record.name);
    },
    view,
    emit(live, action, attributes = {}) {
      const { record } = live;
      parts.events.emit({
        type: 'container',
        action,
        id: record.id,
        attributes: { ...record.process.labels, ...attributes, image: record.spec.image, name: record.name },
      });
    },
    directory,
    logPath,
  };
}

function toPorts(exposed: readonly string[], published: readonly PublishedPort[]): ContainerPort[] {
  const bound = new Map<string, { hostIp: string; hostPort: number }[]>();
  for (const { targets, protocol, hostIp, hostPort } of published) {
    for (const target of targets) {
      const key = `${target.port}/${protocol}`;
      bound.set(key, [...(bound.get(key) ?? []), { hostIp, hostPort }]);
    }
  }
  return [...new Set([...exposed, ...bound.keys()])].map((containerPort) => ({ containerPort, published: bound.get(containerPort) ?? null }));
}

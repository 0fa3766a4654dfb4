import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { KeyedQueue } from '@gantry/platform/concurrency';
import { conflict, invalid, notFound, whileTrying } from '@gantry/platform/errors';
import type { Events } from '@gantry/runtime/events';
import type { MetadataStore } from '@gantry/runtime/metadata';
import { diskUsage } from '@gantry/runtime/snapshots';
import { z } from 'zod';
import type { Volume, VolumeSpec, Volumes } from './volumes.ts';

const run = promisify(execFile);
const stringMap = z.record(z.string(), z.string());
const VolumeRecord = z.object({ name: z.string(), driver: z.string(), options: stringMap, labels: stringMap, createdAt: z.string(), isAnonymous: z.boolean() });
type VolumeRecord = z.infer<typeof VolumeRecord>;

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/;
const knownOptions = ['type', 'device', 'o', 'size'];

export interface VolumeStoreOptions {
  readonly directory: string;
  readonly metadata: MetadataStore;
  readonly events: Events;
}

export function openVolumeStore(options: VolumeStoreOptions): Volumes {
  mkdirSync(options.directory, { recursive: true, mode: 0o711 });
  const records = options.metadata.collection('volumes', VolumeRecord);
  const volumes = new Map<string, VolumeRecord>(records.entries());
  const queue = new KeyedQueue();
  /** Who has it mounted, by volume; only those that need a mount of their own. */
  const mounted = new Map<string, Set<string>>();
  let usersOf: (name: string) => readonly string[] = () => [];

  const directoryOf = (name: string) => join(options.directory, name);
  const toVolume = (record: VolumeRecord): Volume => ({ ...record, mountpoint: join(directoryOf(record.name), '_data') });
  const emit = (action: string, name: string, attributes: Record<string, string> = {}) =>
    options.events.emit({ type: 'volume', action, id: name, attributes: { driver: 'local', ...attributes } });

  async function create(spec: VolumeSpec): Promise<Volume> {
    const name = spec.name ?? randomBytes(32).toString('hex');
    if (!namePattern.test(name))
      throw invalid(`"${name.slice(0, 100)}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`);
    if (spec.driver !== undefined && spec.driver !== '' && spec.driver !== 'local') throw notFound(`plugin "${spec.driver}" not found`);
    for (const option of Object.keys(spec.options ?? {})) if (!knownOptions.includes(option)) throw invalid(`invalid option: "${option}"`);
    return queue.run(name, async () => {
      const known = volumes.get(name);
      if (known !== undefined) return toVolume(known);
      const record: VolumeRecord = {
        name,
        driver: 'local',
        options: { ...spec.options },
        labels: { ...spec.labels },
        createdAt: new Date().toISOString(),
        isAnonymous: spec.name === undefined,
      };
      try {
        await mkdir(toVolume(record).mountpoint, { recursive: true, mode: 0o755 });
        records.put(name, record);
        volumes.set(name, record);
      } catch (cause) {
        throw whileTrying(`create volume ${name}`, cause);
      }
      emit('create', name);
      return toVolume(record);
    });
  }

  function find(name: string): Volume | undefined {
    const record = volumes.get(name);
    return record === undefined ? undefined : toVolume(record);
  }

  function get(name: string): Volume {
    const volume = find(name);
    if (volume === undefined) throw notFound(`no such volume: ${name}`);
    return volume;
  }

  async function remove(name: string): Promise<void> {
    const [user] = usersOf(name);
    if (user !== undefined) throw conflict(`remove ${name}: volume is in use - [${user}]`);
    const volume = get(name);
    await unmountAll(volume);
    volumes.delete(name);
    records.delete(name);
    await rm(directoryOf(name), { recursive: true, force: true });
    emit('destroy', name);
  }

  const isMount = (volume: Volume) => 'type' in volume.options || 'device' in volume.options;

  /** True of a mount that an earlier agent made, too. */
  async function isMounted(path: string): Promise<boolean> {
    const table = await readFile('/proc/self/mountinfo', 'utf8');
    return table.split('\n').some((line) => line.split(' ')[4]?.replaceAll('\\040', ' ') === path);
  }

  async function unmountAll(volume: Volume): Promise<void> {
    if (isMount(volume) && (await isMounted(volume.mountpoint))) await run('umount', [volume.mountpoint]);
  }

  return {
    create,
    get,
    find,
    list: () => [...volumes.values()].map(toVolume),
    remove: (name, { force = false } = {}) =>
      queue.run(name, async () => {
        if (force && !volumes.has(name)) return;
        await remove(name);
      }),
    async prune({ matches = (volume: Volume) => volume.isAnonymous } = {}) {
      const removed: string[] = [];
      let reclaimedBytes = 0;
      for (const record of [...volumes.values()]) {
        const volume = toVolume(record);
        if (!matches(volume) || usersOf(volume.name).length > 0) continue;
        reclaimedBytes += await diskUsage(volume.mountpoint);
        await queue.run(volume.name, () => remove(volume.name));
        removed.push(volume.name);
      }
      return { removed, reclaimedBytes };
    },
    usage: (name) => diskUsage(get(name).mountpoint),
    mount: (name, user) =>
      queue.run(name, async () => {
        const volume = get(name);
        if (!existsSync(volume.mountpoint)) await mkdir(volume.mountpoint, { recursive: true, mode: 0o755 });
        if (isMount(volume) && !(await isMounted(volume.mountpoint))) {
          const { type = 'none', device = '', o = '' } = volume.options;
          try {
            await run('mount', ['-t', type, ...(o === '' ? [] : ['-o', o]), device === '' ? type : device, volume.mountpoint]);
          } catch (cause) {
            throw whileTrying(`mount volume ${name}`, cause);
          }
        }
        const users = mounted.get(name) ?? new Set();
        mounted.set(name, users.add(user));
        return volume.mountpoint;
      }),
    unmount: (name, user) =>
      queue.run(name, async () => {
        const users = mounted.get(name);
        users?.delete(user);
        const volume = find(name);
        if (volume !== undefined && (users?.size ?? 0) === 0) await unmountAll(volume);
      }),
    usedBy(find) {
      usersOf = find;
    },
  };
}

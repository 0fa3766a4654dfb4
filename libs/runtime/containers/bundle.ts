import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, invalid, wrongState } from '@gantry/platform/errors';
import { hostnameOf } from './container-network.ts';
import type { ContainerTable } from './container-table.ts';
import type { LiveContainer } from './live-container.ts';
import { readAvailableCapabilities } from './oci/capabilities.ts';
import { type StartSurroundings, toOciConfig } from './oci/oci-config.ts';
import { type DeviceNode, readDevice } from './oci/resources.ts';
import { resolveUser } from './oci/user.ts';
import type { ContainerParts } from './parts.ts';
import type { AccountFiles } from './rootfs-files.ts';
import { filesOf } from './runtime-files.ts';
import { sharedMemoryPath } from './shared-memory.ts';

const initPrograms = ['/usr/bin/docker-init', '/usr/libexec/docker/docker-init', '/usr/bin/tini-static', '/usr/bin/catatonit'];

function findInit(): string {
  const found = initPrograms.find((path) => existsSync(path));
  if (found === undefined) throw invalid(`--init needs an init program on this host: one of ${initPrograms.join(', ')}`);
  return found;
}

const privateDevices = new Set([
  'console',
  'fd',
  'mqueue',
  'ptmx',
  'pts',
  'shm',
  'stderr',
  'stdin',
  'stdout',
  'tty',
  'null',
  'zero',
  'full',
  'random',
  'urandom',
]);

/** All device nodes of the host, three directories deep, for privileged containers. */
function listHostDevices(directory = '/dev', depth = 0): DeviceNode[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (depth === 0 && privateDevices.has(entry.name)) return [];
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return depth < 3 ? listHostDevices(path, depth + 1) : [];
    return entry.isCharacterDevice() || entry.isBlockDevice() ? [readDevice(path, path)] : [];
  });
}

export function createBundler(parts: ContainerParts, table: ContainerTable) {
  const directoryOf = (id: string) => join(parts.settings.bundleDirectory, id);

  /** `container:ID` → a namespace of that container, which must be running. */
  function namespaceOf(mode: string, kind: string): string | null {
    if (!mode.startsWith('container:')) return null;
    const target = table.get(mode.slice('container:'.length));
    if (target.pid === 0) throw wrongState(`cannot join the ${kind} namespace of a non running container: ${target.record.name}`);
    if (kind === 'ipc' && !['shareable', 'host'].includes(target.record.spec.hostConfig.ipcMode)) {
      throw conflict(`can't join IPC of container ${target.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`);
    }
    return `/proc/${target.pid}/ns/${kind}`;
  }

  /** Where /dev/shm comes from when it is not the container's own; null: it is. */
  function shmPathOf(live: LiveContainer): string | null {
    const { ipcMode } = live.record.spec.hostConfig;
    const donor = ipcMode.startsWith('container:') ? table.get(ipcMode.slice('container:'.length)) : live;
    const donorMode = donor.record.spec.hostConfig.ipcMode;
    if (donorMode === 'host') return '/dev/shm';
    return donorMode === 'shareable' ? sharedMemoryPath(table.directory(donor.id)) : null;
  }

  function donorFiles(mode: string): string | null {
    return mode.startsWith('container:') ? table.get(mode.slice('container:'.length)).id : null;
  }

  function surroundingsOf(live: LiveContainer, accounts: AccountFiles): StartSurroundings {
    const { hostConfig } = live.record.spec;
    const ipc = namespaceOf(hostConfig.ipcMode, 'ipc');
    const donor = donorFiles(hostConfig.networkMode);
    return {
      capabilities: readAvailableCapabilities(),
      architecture: parts.settings.architecture,
      hasSeccomp: parts.settings.hasSeccomp,
      cgroupParent: parts.settings.cgroupParent,
      user: resolveUser(live.record.process.user, accounts.passwd, accounts.group, hostConfig.groupAdd),
      hostname: hostnameOf(live),
      files: filesOf(table.directory(donor ?? live.id)),
      joined: { network: namespaceOf(hostConfig.networkMode, 'net'), ipc, pid: namespaceOf(hostConfig.pidMode, 'pid') },
      ipcShmPath: shmPathOf(live),
      hostDevices: hostConfig.privileged ? listHostDevices() : [],
      initPath: hostConfig.init === true ? findInit() : null,
    };
  }

  return {
    directoryOf,
    /** A few kilobytes: quicker written than handed to a thread. */
    write(live: LiveContainer, accounts: AccountFiles, sources: ReadonlyMap<string, string>): string {
      const mounts = live.record.mounts.map((mount) => ({ ...mount, source: sources.get(mount.target) ?? mount.source }));
      const config = toOciConfig({ ...live.record, mounts }, surroundingsOf(live, accounts));
      const bundle = directoryOf(live.id);
      rmSync(bundle, { recursive: true, force: true });
      mkdirSync(join(bundle, 'rootfs'), { recursive: true, mode: 0o700 });
      writeFileSync(join(bundle, 'config.json'), JSON.stringify(config), { mode: 0o600 });
      return bundle;
    },
    remove: (id: string) => rm(directoryOf(id), { recursive: true, force: true }),
  };
}

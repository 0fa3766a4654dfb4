import type { MountRecord } from '../container-record.ts';
import type { HostConfig } from '../spec.ts';

export interface OciMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface RuntimeFilePaths {
  readonly hostname: string;
  readonly hosts: string;
  readonly resolvConf: string;
}

export const defaultShmBytes = 64 * 1024 * 1024;

function base(host: HostConfig, ipcShmPath: string | null): OciMount[] {
  const access = host.privileged ? 'rw' : 'ro';
  const shm: OciMount[] =
    host.ipcMode === 'none'
      ? []
      : [
          ipcShmPath === null
            ? {
                destination: '/dev/shm',
                type: 'tmpfs',
                source: 'shm',
                options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${host.shmSizeBytes || defaultShmBytes}`],
              }
            : { destination: '/dev/shm', type: 'bind', source: ipcShmPath, options: ['rbind', 'rprivate'] },
        ];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
    { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', access] },
    { destination: '/sys/fs/cgroup', type: 'cgroup', source: 'cgroup', options: [access, 'nosuid', 'noexec', 'nodev'] },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
    ...shm,
  ];
}

function user(mount: MountRecord): OciMount {
  const access = mount.readOnly ? 'ro' : 'rw';
  if (mount.type === 'tmpfs') {
    return {
      destination: mount.target,
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'nodev', 'noexec', ...mount.options, ...(mount.readOnly ? ['ro'] : [])],
    };
  }
  return { destination: mount.target, type: 'bind', source: mount.source, options: [...mount.options, access, mount.propagation || 'rprivate'] };
}

const depth = (path: string) => path.split('/').filter((part) => part !== '').length;

/** The standard file systems, then ours on /etc, then the user's, outer before inner; a mount of the user's replaces the standard one at the same place. */
export function toOciMounts(host: HostConfig, mounts: readonly MountRecord[], files: RuntimeFilePaths | null, ipcShmPath: string | null): OciMount[] {
  const targets = new Set(mounts.map((mount) => mount.target));
  const own: OciMount[] =
    files === null
      ? []
      : [
          { destination: '/etc/resolv.conf', source: files.resolvConf },
          { destination: '/etc/hostname', source: files.hostname },
          { destination: '/etc/hosts', source: files.hosts },
        ].map((mount) => ({ ...mount, type: 'bind', options: ['rbind', 'rprivate', ...(host.readonlyRootfs ? ['ro'] : [])] }));
  const standard = [...base(host, ipcShmPath), ...own].filter((mount) => !targets.has(mount.destination));
  return [...standard, ...mounts.toSorted((one, other) => depth(one.target) - depth(other.target)).map(user)];
}

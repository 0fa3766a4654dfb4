import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defaultCapabilities } from '../../libs/runtime/containers/oci/capabilities.ts';
import { defaultSeccompProfile } from '../../libs/runtime/containers/oci/seccomp.ts';

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };
const devices: readonly (readonly [number, number])[] = [
  [1, 3],
  [1, 5],
  [1, 7],
  [1, 8],
  [1, 9],
  [5, 0],
  [5, 1],
];
const mount = (destination: string, type: string, source: string, options: readonly string[]) => ({ destination, type, source, options });

/** What dockerd writes for `docker run` without options, network aside: any OCI runtime takes it. */
function dockerDefault(args: readonly string[], memoryBytes: number | null): object {
  const capabilities = [...defaultCapabilities];
  const quiet = ['nosuid', 'noexec', 'nodev'];
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid: 0, gid: 0 },
      args,
      env: ['PATH=/bin', 'HOSTNAME=bench'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      oomScoreAdj: 0,
    },
    root: { path: 'rootfs' },
    hostname: 'bench',
    mounts: [
      mount('/proc', 'proc', 'proc', quiet),
      mount('/dev', 'tmpfs', 'tmpfs', ['nosuid', 'strictatime', 'mode=755', 'size=65536k']),
      mount('/dev/pts', 'devpts', 'devpts', ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5']),
      mount('/sys', 'sysfs', 'sysfs', [...quiet, 'ro']),
      mount('/sys/fs/cgroup', 'cgroup', 'cgroup', [...quiet, 'ro']),
      mount('/dev/mqueue', 'mqueue', 'mqueue', quiet),
      mount('/dev/shm', 'tmpfs', 'shm', [...quiet, 'mode=1777', 'size=65536k']),
    ],
    linux: {
      resources: {
        devices: [{ allow: false, access: 'rwm' }, ...devices.map(([major, minor]) => ({ allow: true, type: 'c', major, minor, access: 'rwm' }))],
        ...(memoryBytes === null ? {} : { memory: { limit: memoryBytes } }),
      },
      namespaces: ['mount', 'network', 'uts', 'pid', 'ipc', 'cgroup'].map((type) => ({ type })),
      seccomp: defaultSeccompProfile(capabilities, architectures[process.arch] ?? process.arch),
      maskedPaths: ['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/scsi', '/sys/firmware'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  };
}

/** A bundle of busybox at `path` whose program is `args`. */
export async function makeBundle(path: string, args: readonly string[], memoryBytes: number | null = null): Promise<string> {
  const rootfs = join(path, 'rootfs');
  for (const directory of ['bin', 'proc', 'dev', 'sys', 'etc', 'tmp']) await mkdir(join(rootfs, directory), { recursive: true });
  await copyFile('/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const applet of ['true', 'sleep', 'sh', 'cat']) await symlink('busybox', join(rootfs, 'bin', applet));
  await writeFile(join(path, 'config.json'), JSON.stringify(dockerDefault(args, memoryBytes)));
  return path;
}

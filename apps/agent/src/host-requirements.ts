import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { operational } from '@gantry/platform/errors';

/** What a host must have before anything is touched; each lack is one paragraph that says what to do. */
export async function checkHost(options: { executorPath: string; ociRuntimePath: string | null }): Promise<void> {
  if (process.platform !== 'linux') throw operational('unsupported', `the agent runs containers on Linux only, and this is ${process.platform}`);
  if (process.getuid?.() !== 0) {
    throw operational(
      'permission-denied',
      'the agent must run as root: it makes namespaces, mounts and network interfaces for containers. Run it with sudo or as a system service; the control plane alone needs no root (npm start -- --no-agent)',
    );
  }
  if (!/^\S+ \S+ cgroup2? /m.test(await readFile('/proc/self/mounts', 'utf8'))) {
    throw operational(
      'unsupported',
      'no control groups are mounted on this host, and containers can not be limited without them. Mount them: mount -t cgroup2 none /sys/fs/cgroup',
    );
  }
  await access(options.executorPath, constants.X_OK).catch((cause: unknown) => {
    throw operational(
      'unavailable',
      `the native executor is not at ${options.executorPath}: build it (npm run build), or say where it is with GANTRY_EXECUTOR`,
      { cause },
    );
  });
  if (options.ociRuntimePath === null) return;
  await access(options.ociRuntimePath, constants.X_OK).catch((cause: unknown) => {
    throw operational('unavailable', `there is no OCI runtime at ${options.ociRuntimePath}: install it, or leave GANTRY_OCI_RUNTIME out`, { cause });
  });
}

export function checkOverlay(hasOverlay: boolean): void {
  if (!hasOverlay)
    throw operational(
      'unsupported',
      'this kernel can not mount overlayfs, on which images are stacked. Load it (modprobe overlay), or put the data directory on another filesystem',
    );
}

import { chmod, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runOrFail } from '../process/run.ts';
import type { Kernel } from './kernel.ts';

/** What the disk's driver and whatever it depends on are called, in the order to load them. */
async function diskModules(kernel: Kernel): Promise<string[]> {
  const lines = await runOrFail('modprobe', ['-d', kernel.tree, '-S', kernel.release, '-a', '--show-depends', 'virtio_pci', 'virtio_blk']);
  return [...new Set([...lines.matchAll(/^insmod (\S+)/gm)].map(([, path = '']) => path))];
}

async function addBusybox(directory: string): Promise<void> {
  await mkdir(join(directory, 'bin'), { recursive: true });
  await cp('/bin/busybox', join(directory, 'bin/busybox'), { dereference: true });
  await symlink('busybox', join(directory, 'bin/sh'));
}

async function addScript(path: string, lines: readonly string[]): Promise<void> {
  await writeFile(path, `${['#!/bin/sh', ...lines].join('\n')}\n`);
  await chmod(path, 0o755);
}

/** Loads the disk's driver and goes on from the disk: a root that init can leave by pivot_root, which an initramfs is not. */
export async function makeInitramfs(kernel: Kernel, directory: string, file: string): Promise<void> {
  await addBusybox(directory);
  const modules = await diskModules(kernel);
  await Promise.all(modules.map((path) => cp(path, join(directory, basename(path)))));
  await addScript(join(directory, 'init'), [
    'b=/bin/busybox',
    '$b mkdir -p /dev /disk',
    '$b mount -t devtmpfs dev /dev',
    ...modules.map((path) => `$b insmod /${basename(path)}`),
    '$b mount -t ext4 /dev/vda /disk && exec $b switch_root /disk /init',
    'echo "the disk cannot be mounted"; $b poweroff -f',
  ]);
  await runOrFail('sh', ['-c', 'cd "$0" && find . | cpio --quiet -o -H newc > "$1"', directory, file]);
}

/** Modules that containers and their networks need. */
const modules = ['overlay', 'veth', 'bridge', 'nf_tables', 'nft_chain_nat', 'dummy'];

/** Says when it is up, so that a machine that is not can be told from one whose commands fail. */
export const upMark = 'GUEST-UP';
export const endMark = 'GUEST-END';

/** A disk with busybox, the kernel's modules, what is in `directory` already, and an init that runs `commands` and turns the machine off. */
export async function makeDisk(kernel: Kernel, directory: string, file: string, commands: readonly string[]): Promise<void> {
  await addBusybox(directory);
  for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'etc', 'root']) await mkdir(join(directory, name), { recursive: true });
  await cp(join(kernel.tree, 'lib'), join(directory, 'lib'), { recursive: true });
  await writeFile(join(directory, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n');
  await writeFile(join(directory, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  await addScript(join(directory, 'init'), [
    'export PATH=/bin HOME=/root',
    '/bin/busybox --install -s /bin',
    'mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev',
    'mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm; mount -t tmpfs tmp /tmp; mount -t tmpfs run /run',
    'mount -t securityfs security /sys/kernel/security',
    'mount -t cgroup2 cgroup2 /sys/fs/cgroup',
    'for name in $(cat /sys/fs/cgroup/cgroup.controllers); do echo "+$name" > /sys/fs/cgroup/cgroup.subtree_control; done',
    `for name in ${modules.join(' ')}; do modprobe $name; done`,
    'ip link set lo up',
    `echo ${upMark} $(uname -r), $(cat /sys/fs/cgroup/cgroup.controllers)`,
    ...commands,
    `echo ${endMark}; poweroff -f`,
  ]);
  await runOrFail('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-d', directory, file, '1g']);
}

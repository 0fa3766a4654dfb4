import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { Advice, step } from '../process/report.ts';
import { run } from '../process/run.ts';

export type Purpose = 'start' | 'test' | 'bench' | 'conformance';

/** package → a file that shows it (or its equal from elsewhere) is there. */
const wanted: Readonly<Record<Purpose, Readonly<Record<string, readonly string[]>>>> = {
  start: {
    'busybox-static': ['/bin/busybox'],
    'ca-certificates': ['/etc/ssl/certs/ca-certificates.crt'],
    gcc: ['/usr/bin/cc', '/usr/local/bin/cc'],
    'libc6-dev': ['/usr/include/stdlib.h'],
    nftables: ['/usr/sbin/nft', '/usr/bin/nft'],
  },
  test: {
    apparmor: ['/usr/sbin/apparmor_parser', '/sbin/apparmor_parser'],
    binutils: ['/usr/bin/strip', '/usr/local/bin/strip'],
    buildah: ['/usr/bin/buildah'],
    bzip2: ['/usr/bin/bzip2', '/bin/bzip2'],
    chromium: ['/usr/bin/chromium'],
    cpio: ['/usr/bin/cpio', '/bin/cpio'],
    crun: ['/usr/bin/crun', '/usr/local/bin/crun'],
    'docker-compose': ['/usr/bin/docker-compose', '/usr/local/bin/docker-compose'],
    'docker-registry': ['/usr/bin/docker-registry'],
    'docker.io': ['/usr/sbin/dockerd'],
    e2fsprogs: ['/usr/sbin/mke2fs', '/sbin/mke2fs'],
    iproute2: ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip'],
    kmod: ['/usr/sbin/depmod', '/sbin/depmod'],
    mmdebstrap: ['/usr/bin/mmdebstrap'],
    openssl: ['/usr/bin/openssl'],
    podman: ['/usr/bin/podman'],
    procps: ['/usr/bin/ps', '/bin/ps'],
    'python3-pip': ['/usr/lib/python3/dist-packages/pip/__init__.py'],
    'qemu-system-x86': ['/usr/bin/qemu-system-x86_64', '/usr/local/bin/qemu-system-x86_64'],
    'redis-server': ['/usr/bin/redis-server', '/usr/local/bin/redis-server'],
    runc: ['/usr/bin/runc', '/usr/sbin/runc', '/usr/local/sbin/runc'],
    skopeo: ['/usr/bin/skopeo'],
    uidmap: ['/usr/bin/newuidmap'],
    umoci: ['/usr/bin/umoci'],

    'xz-utils': ['/usr/bin/xz'],
    zstd: ['/usr/bin/zstd'],
  },
  bench: {
    conmon: ['/usr/bin/conmon', '/usr/local/bin/conmon'],
    containerd: ['/usr/bin/containerd-shim-runc-v2', '/usr/local/bin/containerd-shim-runc-v2'],
    crun: ['/usr/bin/crun', '/usr/local/bin/crun'],
  },
  conformance: {
    bats: ['/usr/bin/bats', '/usr/local/bin/bats'],
    'busybox-static': ['/bin/busybox'],
    gawk: ['/usr/bin/gawk'],
    gcc: ['/usr/bin/gcc'],
    jq: ['/usr/bin/jq'],
    'libseccomp-dev': ['/usr/include/seccomp.h'],
    mmdebstrap: ['/usr/bin/mmdebstrap'],
    runc: ['/usr/bin/runc', '/usr/sbin/runc', '/usr/local/sbin/runc'],
    uidmap: ['/usr/bin/newuidmap'],
    'xz-utils': ['/usr/bin/xz'],
  },
};

export const isRoot = (): boolean => process.getuid?.() === 0;

const onPath = (name: string): boolean => (process.env.PATH ?? '').split(':').some((directory) => existsSync(`${directory}/${name}`));

export function missingPackages(purposes: readonly Purpose[], needsCompiler: boolean): string[] {
  const all = purposes.flatMap((purpose) => Object.entries(wanted[purpose]));
  return all
    .filter(([name]) => needsCompiler || !['gcc', 'libc6-dev'].includes(name))
    .filter(([, files]) => !files.some(existsSync))
    .map(([name]) => name);
}

const servicePolicy = '/usr/sbin/policy-rc.d';

/** What is installed here is started by the tests that need it, where they need it: not by its package, on this host. */
async function withoutServices<T>(work: () => Promise<T>): Promise<T> {
  if (existsSync(servicePolicy)) return work();
  await writeFile(servicePolicy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return await work();
  } finally {
    await rm(servicePolicy, { force: true });
  }
}

/** The index is refreshed only when an install fails without it: a fresh host has none, an old one may point at removed files. */
async function install(names: readonly string[]): Promise<boolean> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const attempt = () => run('apt-get', ['install', '-y', '-q', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...names], { env });
  if ((await attempt()).code === 0) return true;
  await run('apt-get', ['update', '-q'], { env });
  const { code, output } = await attempt();
  if (code !== 0) process.stderr.write(`${output.trimEnd().split('\n').slice(-15).join('\n')}\n`);
  return code === 0;
}

/** Installs what is missing, or says in one paragraph which command does. */
export async function ensurePackages(names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names.join(' ')}`;
  if (!onPath('apt-get')) throw new Advice(`This host lacks ${names.join(', ')} (Debian's names). Install them with its package manager and start again.`);
  if (!isRoot()) throw new Advice(`This host lacks ${names.join(', ')}. Run this and start again:\n\n  sudo sh -c '${command}'`);
  const installed = await step(`Debian packages: ${names.join(' ')}`, () => withoutServices(() => install(names)));
  if (!installed) throw new Advice(`apt-get could not install ${names.join(' ')} (see above). Run this, and start again when it succeeds:\n\n  ${command}`);
}

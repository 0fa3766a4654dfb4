import { existsSync } from 'node:fs';
import { copyFile, link, mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runOrFail } from '../process/run.ts';
import { ensurePackages, missingPackages } from '../setup/debian-packages.ts';
import { runTap, type Suite } from './suite.ts';

/** What the suite's helpers look for below contrib/cmd. */
const helpers = ['recvtty', 'sd-helper', 'seccompagent'];
/** Needs criu. */
const leftOut = ['checkpoint.bats'];

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;
const group = `root:x:0:
daemon:x:1:
tty:x:5:
nogroup:x:65534:
`;

/** Like the image the suite would download, which has neither /proc nor /sys, from this host's busybox. */
async function makeBusybox(archive: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-busybox-'));
  try {
    const rootfs = join(directory, 'rootfs');
    for (const part of ['bin', 'dev', 'etc', 'home', 'root', 'usr/sbin', 'var/www']) await mkdir(join(rootfs, part), { recursive: true });
    await runOrFail('install', ['-d', '-m', '1777', join(rootfs, 'tmp')]);
    const busybox = join(rootfs, 'bin/busybox');
    await copyFile('/bin/busybox', busybox);
    const applets = (await runOrFail('/bin/busybox', ['--list'])).trim().split('\n');
    for (const applet of applets.filter((name) => name !== 'busybox')) await link(busybox, join(rootfs, 'bin', applet));
    await writeFile(join(rootfs, 'etc/passwd'), passwd);
    await writeFile(join(rootfs, 'etc/group'), group);
    await runOrFail('tar', ['-cJf', archive, '-C', rootfs, '.']);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function makeImages(checkout: string): Promise<void> {
  const architecture = (await runOrFail('go', ['env', 'GOARCH'])).trim();
  const archive = (name: string) => join(checkout, `tests/integration/testdata/${name}-${architecture}.tar.xz`);
  if (!existsSync(archive('busybox'))) await makeBusybox(archive('busybox'));
  if (!existsSync(archive('debian'))) await runOrFail('mmdebstrap', ['--variant=minbase', 'bookworm', archive('debian')]);
}

/** A test that is cut short leaves frozen cgroups, whose processes hear no signal: thaw, kill, remove, the innermost first. */
async function clearCgroups(): Promise<void> {
  const hierarchies = await readdir('/sys/fs/cgroup');
  for (const hierarchy of ['', ...hierarchies]) {
    const top = join('/sys/fs/cgroup', hierarchy, 'runc-cgroups-integration-test');
    if (!existsSync(top)) continue;
    const below = (await readdir(top, { recursive: true, withFileTypes: true })).filter((entry) => entry.isDirectory());
    const directories = [top, ...below.map((entry) => join(entry.parentPath, entry.name))];
    for (const directory of directories.toReversed()) await removeCgroup(directory);
  }
}

async function removeCgroup(directory: string): Promise<void> {
  for (const [file, value] of [
    ['freezer.state', 'THAWED'],
    ['cgroup.freeze', '0'],
  ] as const) {
    if (existsSync(join(directory, file))) await writeFile(join(directory, file), value);
  }
  const pids = (await readFile(join(directory, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean);
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  // Busy while what was killed is still going: the next program's turn finds it again.
  await rmdir(directory).catch(() => undefined);
}

/** github.com/opencontainers/runc, tests/integration. */
export const runcIntegration = (checkout: string): Suite => ({
  prepare: async () => {
    await ensurePackages(missingPackages(['conformance'], false));
    for (const name of helpers) {
      const directory = `contrib/cmd/${name}`;
      await runOrFail('go', ['build', '-mod=vendor', '-tags', 'seccomp', '-o', `${directory}/${name}`, `./${directory}`], { cwd: checkout });
    }
    await makeImages(checkout);
  },
  programs: async () => {
    const files = await readdir(join(checkout, 'tests/integration'));
    return files.filter((file) => file.endsWith('.bats') && !leftOut.includes(file)).toSorted();
  },
  run: async (program, runtime) => {
    await clearCgroups();
    try {
      // The suite wants a terminal.
      return await runTap(['script', '-qefc', `bats -t tests/integration/${program}`, '/dev/null'], checkout, { RUNC: runtime });
    } finally {
      await clearCgroups();
    }
  },
});

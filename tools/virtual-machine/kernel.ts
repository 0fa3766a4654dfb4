import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../process/paths.ts';
import { Advice, step } from '../process/report.ts';
import { run, runOrFail } from '../process/run.ts';

export interface Kernel {
  readonly release: string;
  readonly image: string;
  /** A directory whose lib/modules/RELEASE holds the modules, with their index. */
  readonly tree: string;
}

const cache = join(root, '.tools', 'kernel');

async function newestPackage(): Promise<string | null> {
  const { output } = await run('apt-cache', ['depends', 'linux-image-cloud-amd64']).catch(() => ({ output: '' }));
  return /Depends: (linux-image-\S+)/.exec(output)?.[1] ?? null;
}

async function download(name: string, directory: string): Promise<void> {
  const attempt = () => run('apt-get', ['download', '-q', name], { cwd: directory });
  if ((await attempt()).code === 0) return;
  await run('apt-get', ['update', '-q']);
  const { code, output } = await attempt();
  if (code !== 0) throw new Advice(`The virtual machine tests need Debian's ${name}, and apt-get could not download it:\n\n${output.trim()}`);
}

/** Unpacked, not installed: this host keeps its own. */
async function unpack(name: string): Promise<void> {
  const unfinished = `${cache}.${process.pid}`;
  try {
    await mkdir(unfinished, { recursive: true });
    await download(name, unfinished);
    const archive = (await readdir(unfinished)).find((file) => file.endsWith('.deb'));
    await runOrFail('dpkg', ['-x', join(unfinished, archive ?? name), unfinished]);
    await rm(join(unfinished, archive ?? name));
    const [release = ''] = await readdir(join(unfinished, 'lib/modules'));
    await runOrFail('depmod', ['-b', unfinished, release]);
    await rm(cache, { recursive: true, force: true });
    await rename(unfinished, cache);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

async function unpacked(): Promise<Kernel | null> {
  const [release] = await readdir(join(cache, 'lib/modules')).catch(() => []);
  return release === undefined ? null : { release, image: join(cache, 'boot', `vmlinuz-${release}`), tree: cache };
}

/** Debian's kernel for virtual machines: Linux 6.1 on Debian 12, with AppArmor and every cgroup controller. */
export async function debianKernel(): Promise<Kernel> {
  const kept = await unpacked();
  if (kept) return kept;
  const refreshed = (await newestPackage()) ?? (await run('apt-get', ['update', '-q']).then(newestPackage));
  if (refreshed === null) throw new Advice('The virtual machine tests need the package linux-image-cloud-amd64, which apt-cache does not know on this host.');
  await step(`Debian's kernel: ${refreshed}`, () => unpack(refreshed));
  const kernel = await unpacked();
  if (!kernel) throw new Advice(`${refreshed} holds no kernel modules below lib/modules`);
  return kernel;
}

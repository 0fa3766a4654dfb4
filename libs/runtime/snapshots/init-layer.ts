import { existsSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { OverlayRootfs } from '@gantry/contracts/executor';
import { hasCode } from '@gantry/platform/errors';
import type { Executor } from '@gantry/runtime/executor';

/** Where every container gets something mounted; the standard mode where the image has no such directory. */
const directories: Readonly<Record<string, number>> = { '/dev': 0o755, '/etc': 0o755, '/proc': 0o555, '/sys': 0o555 };
const files = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'] as const;

async function modeOf(executor: Pick<Executor, 'call'>, image: OverlayRootfs, path: string): Promise<number | null> {
  try {
    return (await executor.call('path.stat', { rootfs: { overlay: image }, path })).mode;
  } catch (error) {
    if (hasCode(error, 'not-found')) return null;
    throw error;
  }
}

/**
 * The mount points a container needs and its image lacks, as a layer between the two: so they do not show among the container's own changes, nor in what is
 * committed of it. Made once per image, complete when it has its name.
 */
export async function ensureInitLayer(executor: Pick<Executor, 'call'>, view: () => Promise<OverlayRootfs>, target: string): Promise<void> {
  if (existsSync(target)) return;
  const image = await view();
  const draft = `${target}.draft-${process.hrtime.bigint()}`;
  await mkdir(draft, { recursive: true, mode: 0o755 });
  const modes = new Map<string, number | null>();
  for (const path of Object.keys(directories)) modes.set(path, await modeOf(executor, image, path));
  const isDirectory = (mode: number | null | undefined) => mode === null || mode === undefined || (mode & 0o170000) === 0o040000;
  const make = async (path: string) => {
    const place = join(draft, path);
    await mkdir(place, { recursive: true });
    await chmod(place, (modes.get(path) ?? directories[path] ?? 0o755) & 0o7777);
  };
  for (const path of Object.keys(directories)) if (modes.get(path) === null) await make(path);
  for (const path of files) {
    if (!isDirectory(modes.get(dirname(path))) || (await modeOf(executor, image, path)) !== null) continue;
    await make(dirname(path));
    await writeFile(join(draft, path), '', { mode: 0o644 });
  }
  try {
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(target)) throw error;
  }
}

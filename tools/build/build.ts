import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from '../process/paths.ts';
import { step } from '../process/report.ts';
import { inputHash } from './input-hash.ts';
import { type TargetName, targets } from './targets.ts';

const stampOf = (name: TargetName): string => join(root, '.tools', 'built', name);

async function ensureBuilt(name: TargetName): Promise<void> {
  const target = targets[name];
  const hash = await inputHash(target.inputs);
  const built = await readFile(stampOf(name), 'utf8').catch(() => '');
  if (built === hash && existsSync(join(root, target.output))) return;
  await step(`build: ${target.title}`, target.build);
  await mkdir(join(root, '.tools', 'built'), { recursive: true });
  await writeFile(stampOf(name), hash);
}

/** Builds what changed since it was last built, side by side where one does not need the other. */
export async function build(names: readonly TargetName[]): Promise<void> {
  const running = new Map<TargetName, Promise<void>>();
  const start = (name: TargetName): Promise<void> => {
    const known = running.get(name);
    if (known) return known;
    const work = Promise.all(targets[name].after.map(start)).then(() => ensureBuilt(name));
    running.set(name, work);
    return work;
  };
  const results = await Promise.allSettled(names.map(start));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}

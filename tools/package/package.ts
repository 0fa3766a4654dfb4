import { chmod, copyFile, cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from '../build/build.ts';
import { executorBinary } from '../build/targets.ts';
import { root } from '../process/paths.ts';
import { step } from '../process/report.ts';
import { runOrFail } from '../process/run.ts';

async function version(): Promise<string> {
  const { version }: { version: string } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return version;
}

const copyProgram = async (from: string, to: string): Promise<void> => {
  await copyFile(from, to);
  await chmod(to, 0o755);
};

async function assemble(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  for (const part of ['bin', 'lib']) await mkdir(join(folder, part), { recursive: true });
  await copyProgram(process.execPath, join(folder, 'bin/node'));
  await copyProgram(executorBinary, join(folder, 'bin/gantry-executor'));
  const files = join(root, 'tools/package/files');
  await copyProgram(join(files, 'gantry'), join(folder, 'bin/gantry'));
  await copyProgram(join(files, 'install.sh'), join(folder, 'install.sh'));
  for (const name of ['gantry-agent.service', 'README.md']) await copyFile(join(files, name), join(folder, name));
  await copyFile(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  await cp(join(root, 'apps/agent/dist/main.js'), join(folder, 'lib/agent.js'));
  await cp(join(root, 'apps/cli/dist/main.js'), join(folder, 'lib/gantry.js'));
}

/** Makes the agent's tarball and returns its path. Owners are written as root's, so that who packs it does not matter. */
export async function packageAgent(): Promise<string> {
  await build(['agent', 'cli', 'executor']);
  const name = `gantry-agent-${await version()}-linux-${process.arch}`;
  const dist = join(root, 'dist');
  const tarball = join(dist, `${name}.tar.gz`);
  await step(`package: ${name}`, async () => {
    await assemble(join(dist, name));
    await runOrFail('tar', ['-czf', tarball, '--owner=root:0', '--group=root:0', '-C', dist, name]);
  });
  return tarball;
}

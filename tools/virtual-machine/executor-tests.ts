import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { executorBinary, executorDirectory } from '../build/targets.ts';
import { step } from '../process/report.ts';
import { runOrFail } from '../process/run.ts';
import { fromCargo, type Tally } from '../test/tally.ts';
import { makeDisk, makeInitramfs } from './image.ts';
import { debianKernel } from './kernel.ts';
import { runMachine } from './machine.ts';

/** The executor's test programs that ask a kernel; `unified` asks for what only this one has. */
const tests = ['unified', 'lifecycle', 'limits', 'attacks', 'command_line', 'streams', 'networks'];

interface BuiltArtifact {
  readonly reason?: string;
  readonly executable?: string | null;
  readonly target?: { readonly name: string; readonly kind: readonly string[] };
}

/** name → static program. */
async function build(): Promise<Map<string, string>> {
  const args = ['test', '--locked', '--no-run', '--quiet', '--message-format=json', ...tests.flatMap((name) => ['--test', name])];
  const output = await runOrFail('cargo', args, { cwd: executorDirectory });
  const artifacts = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line): BuiltArtifact => JSON.parse(line));
  const programs = artifacts.flatMap(({ executable, target }) => (executable && target?.kind.includes('test') ? [[target.name, executable] as const] : []));
  return new Map(programs);
}

const strip = (from: string, to: string) => runOrFail('strip', ['-o', to, from]);

/** A profile that can be told from no profile: everything but one file. */
const profile = `profile gantry-test flags=(attach_disconnected, mediate_deleted) {
  file,
  capability,
  network,
  signal,
  ptrace,
  mount,
  umount,
  pivot_root,
  unix,
  deny /tmp/forbidden rw,
}
`;

async function addProfile(directory: string): Promise<void> {
  const source = join(directory, 'profile');
  await writeFile(source, profile);
  const features = '/etc/apparmor.d/abi/3.0';
  await runOrFail('apparmor_parser', [
    '--quiet',
    '-Q',
    '-K',
    '--policy-features',
    features,
    '--kernel-features',
    features,
    '-o',
    join(directory, 'profile.bin'),
    source,
  ]);
}

async function makeFiles(directory: string) {
  const programs = await step('Executor tests', build);
  const kernel = await debianKernel();
  const [small, root] = [join(directory, 'initramfs'), join(directory, 'root')];
  await mkdir(join(root, 'tests/deps'), { recursive: true });
  // Where the tests look for it, one directory above their own: the program that is shipped.
  await copyFile(executorBinary, join(root, 'tests/gantry-executor'));
  for (const name of tests) await strip(programs.get(name) ?? name, join(root, 'tests/deps', name));
  await addProfile(root);
  const files = { kernel: join(directory, 'kernel'), initramfs: join(directory, 'initramfs.cpio'), disk: join(directory, 'disk') };
  await copyFile(kernel.image, files.kernel);
  await makeInitramfs(kernel, small, files.initramfs);
  const commands = [
    'dd if=/profile.bin of=/sys/kernel/security/apparmor/.replace bs=1M 2>/dev/null',
    ...tests.map((name) => `echo "${name}"; /tests/deps/${basename(name)}`),
  ];
  await makeDisk(kernel, root, files.disk, commands);
  return files;
}

/**
 * The executor's own tests on the kernel that Debian 12 gives its users, with pure cgroup v2 and AppArmor. A program that did not come to
 * its end counts as a failed test.
 */
export async function executorTests(show: (chunk: string) => void): Promise<Tally> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-machine-'));
  try {
    const output = await runMachine(await makeFiles(directory), show);
    const finished = output.match(/^test result: /gm)?.length ?? 0;
    const tally = fromCargo(output, 0);
    return { ...tally, failed: tally.failed + (tests.length - finished) };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

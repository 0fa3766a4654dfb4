import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Advice } from '../process/report.ts';
import { run } from '../process/run.ts';
import { endMark, upMark } from './image.ts';

export interface MachineFiles {
  readonly kernel: string;
  readonly initramfs: string;
  readonly disk: string;
}

/** A machine that has not said it is up by then never will. */
const bootLimitMs = 180_000;
/** All that is done in it; an emulated machine on a busy host takes some minutes. */
const totalLimitMs = 1_200_000;

const parameters = ({ kernel, initramfs, disk }: MachineFiles, accelerator: string): string[] => [
  ...[
    '-accel',
    accelerator,
    '-cpu',
    'max',
    '-smp',
    String(Math.min(4, Math.max(2, availableParallelism()))),
    '-m',
    '1536',
    '-nodefaults',
    '-display',
    'none',
    '-serial',
    'stdio',
    '-no-reboot',
  ],
  ...['-kernel', kernel, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1'],
  ...['-drive', `file=${disk},format=raw,if=virtio,cache=unsafe`],
];

interface Booted {
  readonly isUp: boolean;
  readonly isFinished: boolean;
  readonly output: string;
}

/** Shows what it says from when it is up. */
async function boot(files: MachineFiles, accelerator: string, show: (chunk: string) => void): Promise<Booted> {
  const controller = new AbortController();
  const total = setTimeout(() => controller.abort(), totalLimitMs);
  const start = setTimeout(() => controller.abort(), bootLimitMs);
  let output = '';
  const onOutput = (chunk: string): void => {
    const shown = output.includes(upMark) ? output.length : null;
    output += chunk.replaceAll('\r', '');
    const up = output.indexOf(upMark);
    if (up < 0) return;
    clearTimeout(start);
    show(output.slice(shown ?? up));
  };
  try {
    await run('qemu-system-x86_64', parameters(files, accelerator), { onOutput, signal: controller.signal }).catch((cause: Error) => {
      if (cause.name !== 'AbortError') throw cause;
    });
  } finally {
    clearTimeout(total);
    clearTimeout(start);
  }
  return { isUp: output.includes(upMark), isFinished: output.includes(endMark), output };
}

const isUsable = (path: string): Promise<boolean> =>
  access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );

/**
 * Runs a machine to its end and returns what it printed. A host may offer KVM and not be able to run a guest with it (nested, or with
 * registers missing), so a machine that did not come up with it is emulated.
 */
export async function runMachine(files: MachineFiles, show: (chunk: string) => void): Promise<string> {
  const accelerated = (await isUsable('/dev/kvm')) ? await boot(files, 'kvm', show) : null;
  const { isUp, isFinished, output } = accelerated?.isUp ? accelerated : await boot(files, 'tcg,thread=multi', show);
  if (!isUp) throw new Advice(`The virtual machine did not come up within ${bootLimitMs / 1000} s. The last it said:\n\n${output.slice(-3000)}`);
  if (!isFinished) throw new Advice(`The virtual machine ended, or took more than ${totalLimitMs / 60_000} min, before its tests were done (see above).`);
  return output;
}

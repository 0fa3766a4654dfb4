import { GantryError } from '@gantry/platform/errors';
import type { ContainerSpecInput } from '@gantry/runtime/containers';
import type { ImageProcessConfig } from '@gantry/runtime/images';
import type { BuildParts } from './build-parts.ts';
import { defaultShell } from './config-instructions.ts';
import type { Instruction } from './dockerfile.ts';

/** Limits and surroundings that a build's RUN steps share. */
export interface RunSettings {
  readonly networkMode: string;
  readonly hostConfig: NonNullable<ContainerSpecInput['hostConfig']>;
}

/** A RUN that ended badly; `exitCode` is what `docker build` exits with. */
export class RunFailed extends GantryError {
  readonly exitCode: number;

  constructor(command: readonly string[], exitCode: number) {
    super('user', 'failed', `The command '${command.join(' ')}' returned a non-zero code: ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** What RUN executes: exec form as it is; a heredoc alone is the shell's script, after a command it is that command's input. */
export function runCommand(instruction: Instruction, config: ImageProcessConfig): string[] {
  if (instruction.list !== null) return [...instruction.list];
  const shell = config.Shell ?? defaultShell;
  if (instruction.heredocs.length === 0) return [...shell, instruction.text];
  const bodies = instruction.heredocs.map(({ name, content }) => `${content}${name}\n`).join('');
  const isScript = /^<<-?["']?\w+["']?$/.test(instruction.text);
  return [...shell, isScript ? (instruction.heredocs[0]?.content ?? '') : `${instruction.text.replace(/<<-/g, '<<')}\n${bodies}`];
}

export interface RunRequest {
  readonly imageId: string;
  readonly command: readonly string[];
  readonly config: ImageProcessConfig;
  readonly buildArguments: readonly string[];
  readonly settings: RunSettings;
  readonly onOutput: (text: Buffer) => Promise<void>;
  readonly onContainer: (containerId: string) => void;
  readonly signal: AbortSignal;
}

/** Runs the command in a container of the image and hands the stopped container to `use`; afterwards the container is gone. */
export async function runInContainer(parts: BuildParts, request: RunRequest, use: (containerId: string) => Promise<void>): Promise<void> {
  const { containers } = parts;
  const { command, settings, signal } = request;
  const { container } = await containers.create({
    spec: {
      image: request.imageId,
      entrypoint: [],
      cmd: [...command],
      env: [...request.buildArguments],
      healthcheck: { test: ['NONE'] },
      attachStdout: true,
      attachStderr: true,
      labels: { 'dev.gantry.build': 'step' },
      hostConfig: { ...settings.hostConfig, networkMode: settings.networkMode, logConfig: { type: 'none', config: {} } },
    },
  });
  request.onContainer(container.id);
  try {
    // Resolves with the start; asked for before, so that nothing is missed.
    const attaching = containers.attach(container.id, { stdin: false, stdout: true, stderr: true, signal });
    const waiting = containers.wait(container.id, 'next-exit', { signal });
    for (const promise of [attaching, waiting]) promise.catch(() => undefined);
    await containers.start(container.id);
    const stream = await attaching;
    for await (const chunk of stream.output) await request.onOutput(chunk.bytes);
    const { exitCode } = await waiting;
    signal.throwIfAborted();
    if (exitCode !== 0) throw new RunFailed(command, exitCode);
    await use(container.id);
  } finally {
    await containers.remove(container.id, { force: true, removeVolumes: true });
  }
}

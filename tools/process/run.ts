import { spawn } from 'node:child_process';
import { environment, root } from './paths.ts';

export interface Finished {
  readonly code: number;
  /** stdout and stderr as they came, the last megabyte of them. */
  readonly output: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Sees each chunk as it comes. */
  readonly onOutput?: (chunk: string) => void;
}

const keptCharacters = 1_000_000;

/** Runs a command without stdin to its end; a non-zero exit is a result, not an error. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? root,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.signal ? { signal: options.signal } : {}),
    });
    let output = '';
    const keep = (chunk: string) => {
      output = (output + chunk).slice(-keptCharacters);
      options.onOutput?.(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? 1, output: signal ? `${output}\nended by ${signal}\n` : output }));
  });
}

export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

export const lastLines = (output: string, count: number): string => output.trimEnd().split('\n').slice(-count).join('\n');

/** Like `run`, but a non-zero exit is an error that carries the command's last lines. */
export async function runOrFail(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, output } = await run(command, args, options);
  if (code !== 0) throw new CommandFailed(`${[command, ...args].join(' ')} failed with exit code ${code}:\n\n${lastLines(output, 60)}`);
  return output;
}

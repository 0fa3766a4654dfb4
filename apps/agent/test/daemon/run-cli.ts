import { spawn } from 'node:child_process';
import type { CliCase } from './cli-cases.ts';
import { normalise } from './normalise.ts';

export interface CliResult {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a shell line with `docker` speaking to the engine at `socket`. */
export async function runCli(line: string, options: { socket: string; directory: string; timeoutMs?: number }): Promise<CliResult> {
  const child = spawn('sh', ['-c', line], {
    cwd: options.directory,
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: options.directory,
      DOCKER_HOST: `unix://${options.socket}`,
      DOCKER_CLI_HINTS: 'false',
      T: options.directory,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code, signal) => resolve(signal === null ? (code ?? -1) : -1));
  const exit = await promise;
  return { exit, out: Buffer.concat(out).toString('utf8'), err: Buffer.concat(err).toString('utf8') };
}

/** What is wrong with a result, in words; [] when it is as the case says. */
export function differences(wanted: CliCase, result: CliResult): string[] {
  const found: string[] = [];
  const out = normalise(result.out.replaceAll('\r', ''));
  if (result.exit !== (wanted.exit ?? 0)) found.push(`exit code ${result.exit} instead of ${wanted.exit ?? 0}`);
  if (wanted.out !== undefined && out !== wanted.out) found.push(`output ${JSON.stringify(out)} instead of ${JSON.stringify(wanted.out)}`);
  if (wanted.err !== undefined && !wanted.err.test(result.err)) found.push(`nothing like ${wanted.err} in the error output`);
  return found.length > 0 ? [...found, `error output: ${normalise(result.err)}`] : [];
}

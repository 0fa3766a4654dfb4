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
  const text = (parts: readonly Buffer[]) =>
    Buffer.concat(parts)
      .toString('utf8')
      .replaceAll(options.directory, options.directory === '/' ? '/' : '$T');
  return { exit, out: text(out), err: text(err) };
}

/** Its output; a failure is told with what the command said. */
export async function cliOutput(line: string, options: Parameters<typeof runCli>[1]): Promise<string> {
  const { exit, out, err } = await runCli(line, options);
  if (exit !== 0) throw new Error(`${line}: exit ${exit}\n${out}${err}`);
  return out.trim();
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

/** Where our engine's result is not dockerd's, in words, the listed differences apart; and the listed ones that are none any more. */
export function unlike(wanted: CliCase, ours: CliResult, theirs: CliResult): string[] {
  const text = (output: string) => normalise(output.replaceAll('\r', ''));
  const compared = {
    exit: [ours.exit, theirs.exit],
    out: [text(ours.out), text(theirs.out)],
    err: [text(ours.err), text(theirs.err)],
  } as const;
  return (['exit', 'out', 'err'] as const).flatMap((aspect) => {
    const [here, there] = compared[aspect];
    const known = wanted.unlikeDockerd?.[aspect];
    if (here === there) return known === undefined ? [] : [`${aspect} is dockerd's again: ${known} has no place here`];
    return known === undefined ? [`${aspect} here: ${JSON.stringify(here)}`, `${aspect} of dockerd: ${JSON.stringify(there)}`] : [];
  });
}

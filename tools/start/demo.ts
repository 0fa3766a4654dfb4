import { spawnSync } from 'node:child_process';
import { copyFile, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../process/paths.ts';
import { Advice, step } from '../process/report.ts';
import { buildImage } from './engine-client.ts';

const source = join(root, 'apps/cli/demo');
const image = 'gantry-demo:1';

export interface DemoTarget {
  readonly apiUrl: string;
  readonly secret: string;
  readonly engineSocket: string;
  readonly port: number;
  /** Holds the port once the demo was deployed: whoever removes the stack does not get it back at the next start. */
  readonly marker: string;
  readonly signal: AbortSignal;
}

/** The Dockerfile and its files, with this host's static busybox beside them: the image needs no registry. */
async function buildContext(): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-demo-'));
  try {
    await cp(source, directory, { recursive: true });
    await copyFile('/bin/busybox', join(directory, 'busybox'));
    const { stdout, stderr, status } = spawnSync('tar', ['-c', '-C', directory, '.'], { maxBuffer: 64 * 1024 * 1024 });
    if (status !== 0) throw new Advice(`The demo's files could not be packed: ${stderr}`);
    return stdout;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function deploy({ apiUrl, secret, port }: DemoTarget): Promise<void> {
  const compose = (await readFile(join(source, 'compose.yaml'), 'utf8')).replace(/\$\{DEMO_PORT:-\d+\}/, String(port));
  const response = await fetch(`${apiUrl}/api/v1/stacks/demo`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ compose }),
  });
  if (!response.ok) throw new Advice(`The demo stack was refused (HTTP ${response.status}): ${await response.text()}`);
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

export async function untilDemoAnswers(url: string, timeoutMs: number, signal: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!signal.aborted && performance.now() < deadline) {
    if (await answers(url)) return true;
    await delay(100);
  }
  return false;
}

/** The port it was deployed on at an earlier start, or null. */
export async function deployedPort(marker: string): Promise<number | null> {
  const port = Number(await readFile(marker, 'utf8').catch(() => ''));
  return port > 0 ? port : null;
}

export async function deployDemo(target: DemoTarget): Promise<void> {
  await step('demo image', async () => buildImage(target.engineSocket, image, await buildContext(), target.signal));
  await step('demo stack', () => deploy(target));
  await writeFile(target.marker, `${target.port}\n`);
}

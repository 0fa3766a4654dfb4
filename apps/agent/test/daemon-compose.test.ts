import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonPackages } from '../../../tools/process/paths.ts';
import { AgentProcess } from './agent-process.ts';
import { runCli } from './daemon/run-cli.ts';

let agent: AgentProcess;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shop-'));
  await cp(join(import.meta.dirname, 'daemon/compose'), directory, { recursive: true });
  agent = await AgentProcess.create({ octet: 226 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(async () => {
  await agent.destroy();
  await rm(directory, { recursive: true, force: true });
});

async function sh(line: string): Promise<string> {
  const { exit, out, err } = await runCli(line, { socket: agent.engineSocket, directory, timeoutMs: 120_000 });
  expect(exit, `${line}\n${out}\n${err}`).toBe(0);
  return out.trim();
}

const lines = (output: string): string[] => output.split('\n').sort();

const clients = [
  { client: 'docker-compose 1 of Debian', program: '/usr/bin/docker-compose', version: /^docker-compose version 1\./, mark: '_' },
  { client: "Docker's docker-compose of today", program: join(pythonPackages, 'bin/docker-compose'), version: /^Docker Compose version v[25]\./, mark: '-' },
];

test.each(clients)('$client builds, starts in order of health, scales and removes a stack', { timeout: 240_000 }, async ({ program, version, mark }) => {
  const compose = (parameters: string) => sh(`${program} -p shop ${parameters}`);
  expect(await sh(`${program} version`)).toMatch(version);
  await compose('up -d');
  expect(lines(await sh("docker ps --format '{{.Names}}' --filter label=com.docker.compose.project=shop"))).toEqual(
    ['database', 'queue', 'web', 'worker'].map((service) => `shop${mark}${service}${mark}1`),
  );
  expect(await sh(`docker inspect -f '{{.State.Health.Status}}' shop${mark}database${mark}1`)).toBe('healthy');

  const address = await compose('port web 8080');
  expect(await (await fetch(`http://${address}/page`)).text()).toBe('from the image\n');
  expect(await (await fetch(`http://${address}/greeting`)).text()).toBe('hello\n');
  expect(await compose('exec -T worker wget -q -O - http://front:8080/greeting')).toBe('hello');

  const push = (job: number) => compose(`exec -T web wget -q -O - http://queue:6379/cgi-bin/push?${job}`);
  await push(7);
  await expect.poll(() => compose('logs --tail=1 worker')).toContain('job 7: none');

  await compose('exec -T database sh -c "echo kept >/data/www/rows"');
  await compose('up -d --scale worker=3');
  expect(lines(await compose('ps -q worker'))).toHaveLength(3);
  await compose('up -d --force-recreate --no-deps database');
  expect(await compose('exec -T database cat /data/www/rows')).toBe('kept');
  expect(await compose('up -d --scale worker=3 2>&1')).not.toMatch(/Recreat|Creat/);

  await compose('pause queue');
  await compose('unpause queue');
  await compose('restart worker');
  for (const job of [1, 2, 3]) await push(job);
  await expect
    .poll(async () => [...(await compose('logs worker')).matchAll(/job [123]: kept/g)].flat().sort())
    .toEqual([1, 2, 3].map((job) => `job ${job}: kept`));
  expect(await compose('run --rm -T --no-deps worker echo alone')).toBe('alone');

  await compose('down -v --rmi local');
  expect(await sh('docker ps -aq')).toBe('');
  expect(await sh('docker volume ls -q')).toBe('');
  expect(await sh('docker network ls --filter type=custom -q')).toBe('');
});

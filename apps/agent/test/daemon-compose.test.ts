import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
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

test('docker-compose builds, starts in order of health, scales and removes a stack', { timeout: 240_000 }, async () => {
  await sh('docker-compose -p shop up -d');
  expect((await sh("docker ps --format '{{.Names}}' --filter label=com.docker.compose.project=shop")).split('\n').sort()).toEqual([
    'shop_database_1',
    'shop_web_1',
    'shop_worker_1',
  ]);
  expect(await sh("docker inspect -f '{{.State.Health.Status}}' shop_database_1")).toBe('healthy');

  const address = await sh('docker-compose -p shop port web 8080');
  expect(await (await fetch(`http://${address}/page`)).text()).toBe('from the image\n');
  expect(await (await fetch(`http://${address}/greeting`)).text()).toBe('hello\n');
  expect(await sh('docker-compose -p shop exec -T worker wget -q -O - http://front:8080/greeting')).toBe('hello');
  await expect.poll(() => sh('docker-compose -p shop logs --tail=1 worker')).toContain('none');

  await sh('docker-compose -p shop exec -T database sh -c "echo kept >/data/www/rows"');
  await sh('docker-compose -p shop up -d --scale worker=3');
  expect((await sh('docker-compose -p shop ps -q worker')).split('\n')).toHaveLength(3);
  await sh('docker-compose -p shop up -d --force-recreate --no-deps database');
  expect(await sh('docker-compose -p shop exec -T database cat /data/www/rows')).toBe('kept');
  expect(await sh('docker-compose -p shop up -d --scale worker=3 2>&1')).not.toMatch(/Recreating|Creating/);

  await sh('docker-compose -p shop down -v --rmi local');
  expect(await sh('docker ps -aq')).toBe('');
  expect(await sh('docker volume ls -q')).toBe('');
  expect(await sh('docker network ls --filter type=custom -q')).toBe('');
});

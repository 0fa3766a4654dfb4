import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pythonPackages } from '../../../tools/process/paths.ts';
import { AgentProcess } from './agent-process.ts';
import { runCli } from './daemon/run-cli.ts';

const directory = join(import.meta.dirname, 'daemon');
const scenarios = [...readFileSync(join(directory, 'docker_py.py'), 'utf8').matchAll(/def test_(\w+)/g)].map(([, name]) => name);

let agent: AgentProcess;
beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 227 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(() => agent.destroy());

test.each(scenarios)('docker-py: %s', async (name) => {
  const line = `PYTHONPATH=${pythonPackages} PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -W error::UserWarning docker_py.py DockerPy.test_${name}`;
  const { exit, err } = await runCli(line, { socket: agent.engineSocket, directory });
  expect(exit, err).toBe(0);
  expect(err).toContain('Ran 1 test');
});

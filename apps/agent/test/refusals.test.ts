import { afterEach, beforeEach, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';

let agent: AgentProcess;
beforeEach(async () => {
  agent = await AgentProcess.create({ octet: 212 });
});
afterEach(() => agent.destroy());

test('without a control plane the agent is a Docker engine, and ends clean', async () => {
  await agent.start();
  expect(await agent.engine('GET', '/version')).toMatchObject({ Os: 'linux' });
  expect(await agent.end('SIGTERM')).toBe(0);
  expect(await agent.leftovers()).toEqual([]);
});

test('a second agent on the same data directory is refused, and the first goes on', async () => {
  await agent.start();
  const second = agent.rival();
  await expect(second.start()).rejects.toThrow(/in use by another process/);
  expect(await agent.engine('GET', '/_ping')).toBe('OK');
});

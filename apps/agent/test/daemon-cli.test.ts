import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { scenarios } from './daemon/cli-cases.ts';
import { differences, runCli } from './daemon/run-cli.ts';

let agent: AgentProcess;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daemon-cli-'));
  agent = await AgentProcess.create({ octet: 221 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(async () => {
  await agent.destroy();
  await rm(directory, { recursive: true, force: true });
});

/** The cases of a scenario build on each other: they are one test, and all of its failures are told at once. */
describe('the docker command line', () => {
  test.each(scenarios)('$name', { timeout: 180_000 }, async ({ cases }) => {
    const found: string[] = [];
    for (const wanted of cases) {
      const different = differences(wanted, await runCli(wanted.run, { socket: agent.engineSocket, directory }));
      if (different.length > 0) found.push(`${wanted.run}\n    ${different.join('\n    ')}`);
    }
    expect(found.join('\n')).toBe('');
  });
});

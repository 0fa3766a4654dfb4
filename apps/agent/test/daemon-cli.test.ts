import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '@gantry/testing/images';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { type CliScenario, scenarios } from './daemon/cli-cases.ts';
import { Dockerd } from './daemon/dockerd.ts';
import { comparableSequences, EventLog } from './daemon/event-log.ts';
import { type CliResult, differences, runCli, unlike } from './daemon/run-cli.ts';

interface Side {
  readonly socket: string;
  /** `$T` of its commands. */
  readonly directory: string;
  readonly events: EventLog;
}

let root: string;
let ours: Side;
let theirs: Side;
const parts = new AsyncDisposableStack();

async function open(name: string, socket: string): Promise<Side> {
  const directory = await mkdtemp(join(root, `${name}-`));
  const loaded = await runCli(`docker load -i ${join(root, 'bb.tar')}`, { socket, directory });
  expect(loaded).toMatchObject({ exit: 0 });
  const events = new EventLog(socket);
  parts.defer(() => events.close());
  await events.open();
  await events.take();
  return { socket, directory, events };
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'daemon-cli-'));
  parts.defer(() => rm(root, { recursive: true, force: true }));
  await writeFile(join(root, 'bb.tar'), await busyboxArchive({ reference: 'bb:1', cmd: ['sh'] }));
  const dockerd = await Dockerd.create({ prefix: '10.226.0' });
  parts.defer(() => dockerd.destroy());
  const agent = await AgentProcess.create({ octet: 221 });
  parts.defer(() => agent.destroy());
  await Promise.all([agent.start(), dockerd.start()]);
  ours = await open('ours', agent.engineSocket);
  theirs = await open('theirs', dockerd.socket);
});
afterAll(() => parts.disposeAsync());

async function play({ cases }: CliScenario, side: Side): Promise<CliResult[]> {
  const results: CliResult[] = [];
  for (const { run } of cases) results.push(await runCli(run, side));
  return results;
}

/** The cases of a scenario build on each other: they are one test, and all of its failures are told at once. */
describe('the docker command line gets what the list says, and from dockerd the same', () => {
  test.each(scenarios)('$name', { timeout: 240_000 }, async (scenario) => {
    const [here, there] = await Promise.all([play(scenario, ours), play(scenario, theirs)]);
    const found = scenario.cases.flatMap((wanted, index) => {
      const [result, other] = [here[index], there[index]];
      if (result === undefined || other === undefined) return [`${wanted.run}: was not run`];
      const lines = [...differences(wanted, result), ...unlike(wanted, result, other)];
      return lines.length > 0 ? [`${wanted.run}\n    ${lines.join('\n    ')}`] : [];
    });
    expect(found.join('\n')).toBe('');
  });

  test('with the same events in the same order', async () => {
    const removing = "docker ps -aq | xargs -r docker inspect -f '{{.HostConfig.AutoRemove}}' | grep true";
    for (const side of [ours, theirs]) await expect.poll(async () => (await runCli(removing, side)).out).toBe('');
    expect(comparableSequences(await ours.events.take())).toEqual(comparableSequences(await theirs.events.take()));
  });
});

import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';
import { ask, talk } from './daemon/raw-engine.ts';

let agent: AgentProcess;
beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 230 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(() => agent.destroy());
afterEach(async () => {
  for (const id of await agent.containerIds()) await ask(agent.engineSocket, 'DELETE', `/containers/${id}?force=1&v=1`);
});

const rounds = Array.from({ length: 10 }, (_, index) => index);
const post = (path: string, body: unknown = '') => ask(agent.engineSocket, 'POST', path, body === '' ? '' : JSON.stringify(body));
const remove = (id: string) => ask(agent.engineSocket, 'DELETE', `/containers/${id}?force=1`);

async function create(cmd: string[], hostConfig: Record<string, unknown> = {}): Promise<string> {
  const { status, body } = await post('/containers/create', { Image: 'bb:1', Cmd: cmd, HostConfig: { NetworkMode: 'none', ...hostConfig } });
  expect(status, body).toBe(201);
  return (JSON.parse(body) as { Id: string }).Id; // Docker's create answer
}

interface State {
  readonly Status: string;
  readonly ExitCode: number;
}

async function stateOf(id: string): Promise<State> {
  return (JSON.parse((await ask(agent.engineSocket, 'GET', `/containers/${id}/json`)).body) as { State: State }).State; // Docker's inspect answer
}

/** A wait whose headers have come: whatever ends the container from now on is told. */
async function armedWait(id: string, condition: string): Promise<{ readonly exitCode: Promise<number> }> {
  const armed = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<number>();
  const socket = connect({ path: agent.engineSocket });
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    if (text.includes('\r\n\r\n')) armed.resolve();
  });
  socket.once('close', () => ended.resolve(Number(/"StatusCode":(\d+)/.exec(text)?.[1] ?? -1)));
  socket.on('error', ended.reject);
  socket.write(`POST /containers/${id}/wait?condition=${condition} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  await armed.promise;
  // In an object: a promise of a promise would be waited for whole.
  return { exitCode: ended.promise };
}

test('who attaches and waits before the start misses nothing of a program that ends at once', { timeout: 120_000 }, async () => {
  await Promise.all(
    rounds.map(async (round) => {
      const id = await create(['sh', '-c', `echo said ${round}; exit ${round}`]);
      const upgrade = `POST /containers/${id}/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`;
      const attached = talk(agent.engineSocket, upgrade, { timeoutMs: 60_000 });
      const { exitCode } = await armedWait(id, 'next-exit');
      // The attach has been sent first; its answer says that it holds.
      await expect
        .poll(
          async () =>
            (await ask(agent.engineSocket, 'GET', `/events?since=0&until=${Math.ceil(Date.now() / 1000)}&filters={"container":["${id}"],"event":["attach"]}`))
              .body,
        )
        .toContain('attach');
      expect((await post(`/containers/${id}/start`)).status).toBe(204);
      expect(await exitCode).toBe(round);
      expect(await attached).toContain(`said ${round}\n`);
    }),
  );
});

test('the exit code of a container that removes itself at once reaches who waits for its removal', { timeout: 120_000 }, async () => {
  await Promise.all(
    rounds.map(async (round) => {
      const id = await create(['sh', '-c', `exit ${round}`], { AutoRemove: true });
      const { exitCode } = await armedWait(id, 'removed');
      expect((await post(`/containers/${id}/start`)).status).toBe(204);
      expect(await exitCode).toBe(round);
      expect((await ask(agent.engineSocket, 'GET', `/containers/${id}/json`)).status).toBe(404);
    }),
  );
});

test('programs executed that end at once keep their output and exit codes', { timeout: 120_000 }, async () => {
  const id = await create(['sleep', '100000']);
  await post(`/containers/${id}/start`);
  await Promise.all(
    rounds.map(async (round) => {
      const created = await post(`/containers/${id}/exec`, { Cmd: ['sh', '-c', `echo ran ${round}; exit ${round}`], AttachStdout: true });
      const execId = (JSON.parse(created.body) as { Id: string }).Id; // Docker's exec answer
      expect((await post(`/exec/${execId}/start`, { Detach: false })).body).toContain(`ran ${round}\n`);
      const exec = await ask(agent.engineSocket, 'GET', `/exec/${execId}/json`);
      expect(JSON.parse(exec.body)).toMatchObject({ Running: false, ExitCode: round });
      expect([200, 409]).toContain((await post(`/exec/${execId}/resize?h=10&w=10`)).status);
    }),
  );
});

test('a container removed while it starts is gone, and whoever started it is told', { timeout: 120_000 }, async () => {
  await Promise.all(
    rounds.map(async () => {
      const id = await create(['sleep', '100000']);
      const [started, removed] = await Promise.all([post(`/containers/${id}/start`), remove(id)]);
      expect([204, 404, 409], started.body).toContain(started.status);
      expect([204, 409], removed.body).toContain(removed.status);
      if (removed.status === 409) expect((await remove(id)).status).toBe(204);
      expect((await ask(agent.engineSocket, 'GET', `/containers/${id}/json`)).status).toBe(404);
    }),
  );
  expect(await agent.containerIds()).toEqual([]);
});

test('a stop between two attempts of a restart policy is the end of them', { timeout: 120_000 }, async () => {
  await Promise.all(
    rounds.map(async () => {
      const id = await create(['sh', '-c', 'exit 4'], { RestartPolicy: { Name: 'always' } });
      await post(`/containers/${id}/start`);
      await expect.poll(async () => (await stateOf(id)).Status).toBe('restarting');
      expect([204, 304]).toContain((await post(`/containers/${id}/stop?t=5`)).status);
      await expect.poll(() => stateOf(id)).toMatchObject({ Status: 'exited', ExitCode: 4 });
      expect((await post(`/containers/${id}/wait`)).body).toContain('"StatusCode":4');
    }),
  );
});

test('an agent killed in the middle of it all comes back with every container as it is, and none too many', { timeout: 180_000 }, async () => {
  const running = await create(['sleep', '100000']);
  await post(`/containers/${running}/start`);
  const pid = await agent.pidOf(running);
  const quick = await Promise.all(rounds.map((round) => create(['sh', '-c', `sleep 0.${round}; exit ${round}`])));
  // Whatever of this the kill meets: creates, starts, ends, removals, followers and execs are all under way.
  const work = [
    ...quick.map((id) => post(`/containers/${id}/start`)),
    ...rounds.map(() => create(['true'], { AutoRemove: true }).then((id) => post(`/containers/${id}/start`))),
    ...rounds.map(() => ask(agent.engineSocket, 'GET', `/containers/${running}/logs?follow=1&stdout=1`)),
    ...rounds.map(() => post(`/containers/${running}/exec`, { Cmd: ['true'] })),
    ...rounds.map(() => create(['true']).then(remove)),
  ];
  const settled = Promise.allSettled(work);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await agent.end('SIGKILL');
  await settled;
  await agent.start();
  expect(await agent.pidOf(running)).toBe(pid);
  for (const [round, id] of quick.entries()) {
    // Killed before the start was heard, it is as it was made.
    await expect.poll(async () => (await stateOf(id)).Status).toMatch(/^(?:created|exited)$/);
    const { Status, ExitCode } = await stateOf(id);
    if (Status === 'exited') expect(ExitCode).toBe(round);
  }
  // What was to remove itself does, unless it never ran.
  await expect
    .poll(async () => {
      const all = JSON.parse((await ask(agent.engineSocket, 'GET', '/containers/json?all=1')).body) as { Id: string; Command: string; State: string }[]; // Docker's list answer
      return all.filter(({ Command, State }) => Command === 'true' && State !== 'created').map(({ Id, State }) => `${Id} ${State}`);
    })
    .toEqual([]);
  for (const id of await agent.containerIds()) expect((await remove(id)).status).toBe(204);
  await agent.end('SIGTERM');
  expect(await agent.leftovers()).toEqual([]);
  await agent.start();
});

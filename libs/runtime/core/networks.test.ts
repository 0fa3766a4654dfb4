import { execFile } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { exec, loadBusybox, openRuntimeFixture, type RuntimeFixture, start, until } from './fixture.suite.ts';
import type { Runtime } from './runtime.ts';

const run = promisify(execFile);
let fixture: RuntimeFixture;
let runtime: Runtime;
beforeAll(async () => {
  fixture = await openRuntimeFixture();
  runtime = fixture.runtime;
  await loadBusybox(runtime);
});
afterAll(() => fixture?.close());
afterEach(async () => {
  for (const { id } of runtime.containers.list()) await runtime.containers.remove(id, { force: true });
  await runtime.networks.prune();
});

/** What a server answers to a new connection; null when nobody does. */
function ask(host: string, port: number): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  let text = '';
  const socket = connect({ host, port, timeout: 2000 });
  socket.on('data', (chunk) => {
    text += chunk.toString();
  });
  socket.on('timeout', () => socket.destroy());
  socket.on('error', () => resolve(null));
  socket.on('close', () => resolve(text === '' ? null : text.trim()));
  return promise;
}

const server = (text: string, port = 80) => ['sh', '-c', `while :; do echo ${text} | nc -l -p ${port}; done`];
const addressOf = (id: string, network = 'bridge') => runtime.containers.get(id).networks[network]?.endpoint?.ipv4 ?? '';
const portOf = (id: string, key = '80/tcp') => runtime.containers.get(id).ports.find((port) => port.containerPort === key)?.published?.[0]?.hostPort ?? 0;

describe('published ports', () => {
  it('lead from 127.0.0.1, from the host address and from the container itself to the container', async () => {
    const id = await start(runtime, { cmd: server('hello'), hostConfig: { portBindings: { '80/tcp': [{}] } } });
    const port = portOf(id);
    expect(port).toBeGreaterThanOrEqual(49_153);
    await until('it answers', async () => (await ask('127.0.0.1', port)) === 'hello');
    const gateway = runtime.networks.get('bridge').ipam[0]?.gateway ?? '';
    await until('the host address answers', async () => (await ask(gateway, port)) === 'hello');
    // By its own published port, as a service that calls itself by its public name does.
    const hairpin = `nc -w 2 ${gateway} ${port} </dev/null`;
    await until('the container reaches itself', async () => (await exec(runtime, id, ['sh', '-c', hairpin])).output.trim() === 'hello');
  });

  it('refuse a port that another container or another process has, and give it back at the end', async () => {
    const first = await start(runtime, { cmd: server('one'), hostConfig: { portBindings: { '80/tcp': [{}] } } });
    const port = portOf(first);
    const { container } = await runtime.containers.create({
      spec: { image: 'busybox', cmd: server('two'), hostConfig: { portBindings: { '80/tcp': [{ hostPort: String(port) }] } } },
    });
    await expect(runtime.containers.start(container.id)).rejects.toThrow('port is already allocated');
    await runtime.containers.remove(first, { force: true });
    await runtime.containers.start(container.id);
    await until('the second answers', async () => (await ask('127.0.0.1', port)) === 'two');

    const stranger = createServer().listen(0, '0.0.0.0');
    await new Promise((listening) => stranger.once('listening', listening));
    const address = stranger.address();
    const taken = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start(runtime, { cmd: ['true'], hostConfig: { portBindings: { '80/tcp': [{ hostPort: String(taken) }] } } })).rejects.toThrow(
      'port is already allocated',
    );
    stranger.close();
  });

  it('balance one host port over several targets', async () => {
    const ids = [await start(runtime, { cmd: server('a') }), await start(runtime, { cmd: server('b', 81) })];
    const targets = [
      { ip: addressOf(ids[0] ?? ''), port: 80 },
      { ip: addressOf(ids[1] ?? ''), port: 81 },
    ];
    const [published] = await runtime.networks.ports.ensure('ingress:web', [{ hostIp: '0.0.0.0', protocol: 'tcp', hostPort: 0, targets }]);
    const port = published?.hostPort ?? 0;
    const seen = new Set<string | null>();
    await until('both have answered', async () => seen.add(await ask('127.0.0.1', port)).has('a') && seen.has('b'));
    const [fewer] = await runtime.networks.ports.ensure('ingress:web', [{ hostIp: '0.0.0.0', protocol: 'tcp', hostPort: port, targets: targets.slice(0, 1) }]);
    expect(fewer?.hostPort).toBe(port);
    await until('the one that is left answers', async () => (await ask('127.0.0.1', port)) === 'a');
    await runtime.networks.ports.release('ingress:web');
    expect(await ask('127.0.0.1', port)).toBeNull();
  });

  it('touch nobody else’s rules', async () => {
    const stranger = `gantry_test_${process.pid}`;
    await run('nft', ['add', 'table', 'inet', stranger]);
    try {
      const id = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { portBindings: { '80/tcp': [{}] } } });
      await runtime.containers.remove(id, { force: true });
      expect((await run('nft', ['list', 'tables'])).stdout).toContain(stranger);
    } finally {
      await run('nft', ['delete', 'table', 'inet', stranger]);
    }
  });
});

describe('user-defined networks', () => {
  it('resolve names, aliases and short ids of their members, and nothing of others', async () => {
    await runtime.networks.create({ name: 'blue' });
    await runtime.networks.create({ name: 'red' });
    const web = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'blue' }, endpoints: { blue: { aliases: ['www'] } } }, 'web');
    const client = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'blue' } }, 'client');
    const other = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'red' } }, 'other');
    for (const name of ['web', 'www', web.slice(0, 12)]) {
      expect((await exec(runtime, client, ['nslookup', name])).output, name).toContain(addressOf(web, 'blue'));
      expect((await exec(runtime, client, ['ping', '-c', '1', '-W', '2', name])).exitCode, name).toBe(0);
    }
    expect((await exec(runtime, other, ['ping', '-c', '1', '-W', '1', addressOf(web, 'blue')])).exitCode).not.toBe(0);
    expect((await exec(runtime, other, ['nslookup', 'web'])).output).not.toContain(addressOf(web, 'blue'));
  });

  it('can be joined and left while running', async () => {
    const network = await runtime.networks.create({ name: 'late', ipam: [{ subnet: '10.251.7.0/24' }] });
    const web = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'late' } }, 'web');
    const client = await start(runtime, { cmd: ['sleep', '1000'] }, 'client');
    await runtime.containers.connect(client, 'late', { ipv4: '10.251.7.77' });
    expect(runtime.containers.get(client).networks.late?.endpoint?.ipv4).toBe('10.251.7.77');
    expect((await exec(runtime, client, ['ping', '-c', '1', '-W', '2', addressOf(web, 'late')])).exitCode).toBe(0);
    expect((await exec(runtime, client, ['nslookup', 'web'])).output).toContain(addressOf(web, 'late'));
    await expect(runtime.networks.remove('late')).rejects.toMatchObject({ code: 'forbidden' });
    await runtime.containers.disconnect(client, network.id);
    expect(Object.keys(runtime.containers.get(client).networks)).toEqual(['bridge']);
    expect((await exec(runtime, client, ['ip', 'addr'])).output).not.toContain('10.251.7.77');
  });

  it('stay inside when they are internal', async () => {
    await runtime.networks.create({ name: 'inside', internal: true });
    const one = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'inside' } }, 'one');
    await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'inside' } }, 'two');
    expect((await exec(runtime, one, ['ping', '-c', '1', '-W', '2', 'two'])).exitCode).toBe(0);
    expect((await exec(runtime, one, ['ip', 'route'])).output).not.toContain('default');
  });
});

describe('modes', () => {
  it('shares the host’s network, none at all, or another container’s', async () => {
    const none = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'none' } });
    expect((await exec(runtime, none, ['ls', '/sys/class/net'])).output).toBe('lo\n');
    const host = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: 'host' } });
    expect((await exec(runtime, host, ['ls', '/sys/class/net'])).output).toContain(fixture.options.bridge?.name);
    const owner = await start(runtime, { cmd: ['sleep', '1000'] });
    const guest = await start(runtime, { cmd: ['sleep', '1000'], hostConfig: { networkMode: `container:${owner}` } });
    expect((await exec(runtime, guest, ['ip', 'addr'])).output).toContain(addressOf(owner));
  });
});

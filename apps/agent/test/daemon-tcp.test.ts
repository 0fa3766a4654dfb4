import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineServer } from '@gantry/engine-api/http';
import { silentLogger } from '@gantry/platform/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listenOnTcp, refuseBrowsers } from '../src/daemon/listen.ts';
import { AgentProcess } from './agent-process.ts';
import { runCli } from './daemon/run-cli.ts';

let directory: string;
const servers: EngineServer[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'daemon-tcp-'));
  const openssl = (line: string) => execFileSync('openssl', line.split(' '), { cwd: directory, stdio: 'pipe' });
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  for (const authority of ['ca', 'stranger']) openssl(`req -x509 ${key} -keyout ${authority}-key.pem -out ${authority}.pem -subj /CN=${authority} -days 1`);
  for (const [name, authority] of [
    ['server', 'ca'],
    ['cert', 'ca'],
    ['unknown', 'stranger'],
  ]) {
    openssl(
      `req -x509 ${key} -CA ${authority}.pem -CAkey ${authority}-key.pem -keyout ${name}-key.pem -out ${name}.pem -subj /CN=${name} -addext subjectAltName=IP:127.0.0.1 -addext basicConstraints=CA:FALSE -days 1`,
    );
  }
});
afterAll(async () => {
  for (const server of servers) await server.close();
  await rm(directory, { recursive: true, force: true });
});

async function listen(isTls: boolean): Promise<number> {
  const pem = (name: string) => readFile(join(directory, `${name}.pem`), 'utf8');
  const tls = isTls ? { ca: await pem('ca'), cert: await pem('server'), key: await pem('server-key') } : null;
  const server = new EngineServer({
    software: 'Docker/test (linux)',
    log: silentLogger(),
    guard: (request) => refuseBrowsers(request, !isTls),
    routes: (['GET', 'HEAD'] as const).flatMap((method) => [
      { method, pattern: '/_ping', handle: (exchange) => exchange.sendText(200, 'OK') },
      { method, pattern: '/containers/json', handle: (exchange) => exchange.sendJson(200, []) },
    ]),
    ...(tls === null ? {} : { tls: { ...tls, requestCert: true, rejectUnauthorized: true } }),
  });
  servers.push(server);
  return listenOnTcp(server.server, { address: '127.0.0.1', port: 0, tls });
}

test('docker reaches it with a certificate of the right authority, and not without', async () => {
  const port = await listen(true);
  const docker = (options: string) => runCli(`docker -H tcp://127.0.0.1:${port} --tlsverify --tlscacert ca.pem ${options} ps -q`, { socket: '', directory });
  expect(await docker('--tlscert cert.pem --tlskey cert-key.pem')).toMatchObject({ exit: 0, out: '' });
  expect((await docker('--tlscert unknown.pem --tlskey unknown-key.pem')).exit).toBe(1);
  expect((await docker('')).exit).toBe(1);
});

test('docker context drives an agent from afar: containers, terminals and streams over TLS', { timeout: 120_000 }, async () => {
  const tlsDir = join(directory, 'engine-tls');
  await mkdir(tlsDir);
  for (const [from, to] of [
    ['ca', 'ca'],
    ['server', 'cert'],
    ['server-key', 'key'],
  ]) {
    await cp(join(directory, `${from}.pem`), join(tlsDir, `${to}.pem`));
  }
  const agent = await AgentProcess.create({ octet: 229, env: { GANTRY_ENGINE_TCP: '127.0.0.1:0', GANTRY_ENGINE_TLS_DIR: tlsDir } });
  try {
    await agent.start();
    await agent.loadBusybox('bb:1', ['sh']);
    await expect.poll(() => agent.output).toMatch(/"port":\d+,"tls":true/);
    const host = `tcp://127.0.0.1:${/"port":(\d+),"tls":true/.exec(agent.output)?.[1]}`;
    const docker = (line: string) => runCli(`unset DOCKER_HOST; docker ${line}`, { socket: '', directory });
    const create = (name: string, identity: string) => docker(`context create ${name} --docker host=${host},ca=ca.pem${identity}`);
    expect((await create('afar', ',cert=cert.pem,key=cert-key.pem')).exit).toBe(0);
    expect((await create('nobody', '')).exit).toBe(0);
    expect((await create('stranger', ',cert=unknown.pem,key=unknown-key.pem')).exit).toBe(0);

    expect((await docker('context use afar')).exit).toBe(0);
    expect(await docker("version --format '{{.Server.Version}}'")).toMatchObject({ exit: 0, out: expect.stringMatching(/^28\./) });
    expect(await docker('run --rm bb:1 sh -c "echo out; exit 5"')).toMatchObject({ exit: 5, out: 'out\n' });
    expect(await docker('run -d --name kept --network none --stop-signal KILL bb:1 sleep 1000')).toMatchObject({ exit: 0 });
    expect(await runCli('unset DOCKER_HOST; head -c 300000 /dev/zero | docker exec -i kept wc -c', { socket: '', directory })).toMatchObject({
      out: '300000\n',
    });
    expect(await docker('cp ca.pem kept:/ca.pem')).toMatchObject({ exit: 0 });
    expect(await docker('rm -f kept')).toMatchObject({ exit: 0 });
    for (const context of ['nobody', 'stranger']) {
      expect(await docker(`--context ${context} ps`)).toMatchObject({ exit: 1, err: expect.stringMatching(/certificate|bad certificate|unknown.*authority/i) });
    }
    expect((await runCli(`docker -H ${host} ps`, { socket: '', directory })).exit).toBe(1);
  } finally {
    await agent.destroy();
  }
});

test('plain TCP beyond loopback keeps the agent from starting', async () => {
  const agent = await AgentProcess.create({ octet: 229, env: { GANTRY_ENGINE_TCP: '0.0.0.0:0' } });
  try {
    await expect(agent.start()).rejects.toThrow('plain TCP is for loopback addresses only');
  } finally {
    await agent.destroy();
  }
});

test('plain TCP is for this host alone, and for no web page', async () => {
  const port = await listen(false);
  const ask = async (headers: Record<string, string>) => (await fetch(`http://127.0.0.1:${port}/_ping`, { headers })).status;
  expect(await ask({})).toBe(200);
  expect(await ask({ origin: 'https://example.com' })).toBe(403);
  const rebound = await runCli(`curl -s -o /dev/null -w '%{http_code}' -H 'Host: evil.example' http://127.0.0.1:${port}/_ping`, { socket: '', directory });
  expect(rebound.out).toBe('403');
  await expect(listenOnTcp(createServer(), { address: '0.0.0.0', port: 0, tls: null })).rejects.toThrow('plain TCP is for loopback addresses only');
});

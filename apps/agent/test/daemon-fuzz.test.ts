import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from '../src/daemon/endpoint.ts';
import { endpoints } from '../src/daemon/endpoints.ts';
import { AgentProcess } from './agent-process.ts';

const seed = 20_10_24;
const patienceMs = 60_000;
const atATime = 8;

let agent: AgentProcess;
let victim: string;

beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 228 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
});
afterAll(() => agent.destroy());

/** Mulberry32: the same requests at every run. */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
const random = randomFrom(seed);
const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T; // no list here is empty

const names = [
  '..',
  '../../etc/passwd',
  '/etc/shadow',
  '%00',
  '%2e%2e%2f%2e%2e%2f',
  '%zz',
  'x'.repeat(5000),
  '{"x":1}',
  '%F0%9F%90%B3',
  "';rm -rf /",
  '-',
  'nosuch',
];
const parameters =
  'all ancestor author buildargs changes comment condition container cpuperiod cpuquota cpusetcpus copyUIDGID detachKeys dockerfile extrahosts filters force fromImage fromSrc h labels limit link logs memory memswap message name names networkmode noOverwriteDirNonDir noprune one-shot path platform ps_args pull q quiet reference remote repo scope shmsize signal since size source stderr stdin stdout stream t tag tail target term timestamps type ulimits until v verbose version w'.split(
    ' ',
  );
const values = [
  '',
  '-1',
  '1e400',
  '99999999999999999999',
  'NaN',
  '../../etc',
  '..%2f..%2fetc',
  '%00',
  '%F0%9F%90%B3',
  '%ff',
  '{"a":',
  '[1]',
  '{"x":["y"]}',
  '{"label":{"a":7}}',
  '{"until":["whenever"]}',
  'true',
  'null',
  '-',
  'x'.repeat(3000),
  '%0d%0aX-Evil:%201',
];
const junk: readonly unknown[] = [
  null,
  true,
  -1,
  0.5,
  1e308,
  2 ** 53,
  '',
  'x',
  '../../etc/passwd',
  '\0',
  '🐳',
  'x'.repeat(3000),
  [],
  [[]],
  [null],
  ['x', 7],
  {},
  { x: {} },
  { '../x': '..' },
];

/** A body of POST /containers/create in which all is in order: what is put wrong in it is put wrong deep. */
const container = {
  Image: 'bb:1',
  Cmd: ['true'],
  Entrypoint: ['sh'],
  Env: ['A=b'],
  Labels: { a: 'b' },
  User: '1',
  WorkingDir: '/tmp',
  Hostname: 'h',
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/v': {} },
  StopSignal: 'SIGTERM',
  StopTimeout: 1,
  Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000, Retries: 1 },
  HostConfig: {
    NetworkMode: 'none',
    Binds: ['vol:/w'],
    Mounts: [{ Type: 'volume', Source: 'vol', Target: '/y', VolumeOptions: { Subpath: 'z' } }],
    Tmpfs: { '/t': 'size=1m' },
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '0' }] },
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    Memory: 64 << 20,
    NanoCpus: 1,
    CpusetCpus: '0',
    PidsLimit: 10,
    Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }],
    CapAdd: ['NET_ADMIN'],
    SecurityOpt: ['no-new-privileges'],
    Sysctls: { 'net.ipv4.ip_forward': '1' },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    ShmSize: 1 << 20,
    ExtraHosts: ['a:1.2.3.4'],
    GroupAdd: ['1'],
    BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1 }],
    CgroupParent: '/x',
    IpcMode: 'private',
    PidMode: '',
    ConsoleSize: [1, 2],
    Isolation: 'default',
  },
  NetworkingConfig: { EndpointsConfig: { none: { Aliases: [], IPAMConfig: { IPv4Address: '' } } } },
};
const others = {
  Name: 7,
  Driver: {},
  DriverOpts: 'x',
  IPAM: { Config: 'x' },
  Options: [],
  Container: 7,
  EndpointConfig: [],
  Force: 'x',
  AttachStdin: 'x',
  Detach: 7,
  Tty: [],
  ConsoleSize: 'x',
  Memory: 'x',
  RestartPolicy: 7,
  username: 7,
  Tag: 7,
};

/** One value somewhere inside, replaced by junk. */
function damaged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.15) return pick(junk);
  const copy = structuredClone(value);
  const keys = Object.keys(copy);
  if (keys.length === 0) return pick(junk);
  const key = pick(keys);
  Reflect.set(copy, key, damaged(Reflect.get(copy, key)));
  return copy;
}

interface Attempt {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

function targetsOf(pattern: string): string[] {
  return pattern.includes('{') ? [...names, victim].map((name) => pattern.replace(/\{\w+\}/, name)) : [pattern];
}

const queryOf = (count: number) => Array.from({ length: count }, () => `${pick(parameters)}=${pick(values)}`).join('&');

function attemptsOn({ method, pattern }: Endpoint): Attempt[] {
  const json = ['Content-Type: application/json'];
  const plain = targetsOf(pattern).map((target) => ({ method, target, headers: [], body: '' }));
  const queries = Array.from({ length: 12 }, () => ({ method, target: `${pick(targetsOf(pattern))}?${queryOf(5)}`, headers: [], body: '' }));
  if (method !== 'POST' && method !== 'PUT') return [...plain, ...queries];
  // Removing what matches is what these are for, and an empty name is a request for a name.
  const malformed = ['{', '[]', '"x"', '7', `${'['.repeat(5000)}`, `{"Image":"${'x'.repeat(200_000)}"}`, JSON.stringify(others), '\0\0\0\0'];
  const bodies = [
    ...malformed,
    ...Array.from({ length: pattern === '/containers/create' ? 60 : 8 }, () => JSON.stringify(damaged({ ...container, ...others }))),
  ];
  const onVictim = pattern.replace(/\{\w+\}/, victim);
  const creations = Array.from({ length: pattern === '/containers/create' ? 150 : 0 }, () => ({
    method,
    target: pattern,
    headers: json,
    body: JSON.stringify(damaged(container)),
  }));
  return [
    ...plain.filter(({ target }) => target !== '/volumes/create'),
    ...queries.filter(({ target }) => !target.startsWith('/volumes/create')),
    ...bodies.map((body) => ({ method, target: onVictim, headers: json, body })),
    { method, target: `${onVictim}?${queryOf(3)}`, headers: ['Content-Type: text/plain', 'Connection: Upgrade', 'Upgrade: tcp'], body: '{' },
    { method, target: onVictim, headers: ['Content-Type: application/x-tar', 'X-Registry-Auth: %%%', 'X-Registry-Config: e30'], body: 'x'.repeat(2000) },
    ...creations,
  ];
}

/** The status, and of a refusal the whole answer; what is streamed is not read to its end. */
async function send({ method, target, headers, body }: Attempt): Promise<{ status: number; answer: string }> {
  const socket = connect({ path: agent.engineSocket });
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; answer: string }>();
  let received = '';
  const timer = setTimeout(() => reject(new Error(`no answer to ${method} ${target.slice(0, 200)} ${body.slice(0, 200)}`)), patienceMs);
  const look = (isOver: boolean) => {
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);
    const end = received.indexOf('\r\n\r\n');
    // What is made says its id; a stream need not be read.
    if (isOver || (end >= 0 && status < 400 && status !== 201)) resolve({ status, answer: end < 0 ? '' : received.slice(end + 4) });
  };
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    look(false);
  });
  socket.once('close', () => look(true));
  socket.on('error', () => look(true));
  const length = body === '' && method !== 'POST' && method !== 'PUT' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const connection = headers.some((header) => header.startsWith('Connection:')) ? [] : ['Connection: close'];
  socket.write(`${[`${method} ${target} HTTP/1.1`, 'Host: x', ...connection, ...headers, ...length].join('\r\n')}\r\n\r\n${body}`);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** 501 and 503 are what this engine says of plugins and of the swarm it is not part of. */
const isInOrder = (status: number) => (status >= 200 && status < 500) || status === 501 || status === 503 || status === 101;

async function ensureVictim(): Promise<void> {
  const state = await agent.engine('GET', `/containers/${victim}/json`).catch(() => null);
  if (state !== null) return;
  const body = {
    type: 'application/json',
    bytes: Buffer.from(JSON.stringify({ Image: 'bb:1', Cmd: ['sleep', '100000'], HostConfig: { NetworkMode: 'none' } })),
  };
  await agent.engine('POST', `/containers/create?name=${victim}`, body);
  await agent.engine('POST', `/containers/${victim}/start`);
}

/** Everything there is, but for the victim and what `docker commit` may make of it. */
async function inventory(): Promise<string[]> {
  const names = async (path: string, of: (answer: never) => string[]) => of((await agent.engine('GET', path)) as never); // the Engine API's documented shapes
  const containers = await names('/containers/json?all=1', (list: { Names: string[] }[]) => list.flatMap(({ Names }) => Names));
  const images = await names('/images/json', (list: { RepoTags: string[] | null }[]) => list.flatMap(({ RepoTags }) => RepoTags ?? []));
  const networks = await names('/networks', (list: { Name: string }[]) => list.map(({ Name }) => Name));
  const volumes = await names('/volumes', ({ Volumes }: { Volumes: { Name: string }[] }) => Volumes.map(({ Name }) => Name));
  return [...containers.filter((name) => name !== `/${victim}`), ...images, ...networks, ...volumes].toSorted();
}

test(`no request makes any endpoint fail, hang or make what it refuses (seed ${seed})`, { timeout: 300_000 }, async () => {
  victim = 'victim';
  await ensureVictim();
  const before = await inventory();
  const wrong: string[] = [];
  const made: string[] = [];
  const sound = await send({ method: 'POST', target: '/containers/create', headers: ['Content-Type: application/json'], body: JSON.stringify(container) });
  expect(sound.answer).toContain('"Id"');
  made.push(/"Id":"(\w+)"/.exec(sound.answer)?.[1] ?? '');
  for (const endpoint of endpoints) {
    await ensureVictim();
    const attempts = attemptsOn(endpoint);
    const one = async (): Promise<void> => {
      for (let attempt = attempts.pop(); attempt !== undefined; attempt = attempts.pop()) {
        const { status, answer } = await send(attempt);
        const id = status === 201 && attempt.target === '/containers/create' ? /"Id":"(\w+)"/.exec(answer)?.[1] : undefined;
        if (id !== undefined) made.push(id);
        if (!isInOrder(status))
          wrong.push(`${attempt.method} ${attempt.target.slice(0, 200)} ${attempt.body.slice(0, 300)}: ${status} ${answer.slice(0, 300)}`);
      }
    };
    await Promise.all(Array.from({ length: atATime }, one));
  }
  expect.soft(wrong.join('\n')).toBe('');
  expect(await agent.engine('GET', '/_ping')).toBe('OK');
  // Some damage does no harm.
  for (const id of made) await agent.engine('DELETE', `/containers/${id}?v=1`).catch(() => undefined);
  await agent.engine('DELETE', '/volumes/vol').catch(() => undefined);
  expect(await inventory()).toEqual(before);
});

import { describe, expect, test } from 'vitest';
import { parseCompose } from './parse-compose.ts';
import { detachPayloads } from './payloads.ts';
import { splitShellWords } from './shell-words.ts';
import { parseBytes, parseDurationMs } from './units.ts';

function servicesOf(text: string) {
  const parsed = parseCompose('shop', text);
  if (parsed.kind === 'refused') throw new Error(JSON.stringify(parsed.faults));
  return parsed.services;
}

function faultsOf(text: string) {
  const parsed = parseCompose('shop', text);
  return parsed.kind === 'refused' ? parsed.faults : [];
}

describe('depends_on', () => {
  const withDependsOn = (text: string) => `services: { web: { image: a, depends_on: ${text} }, db: { image: b }, job: { image: c, depends_on: [web] } }`;

  test('a list waits for a start, a map for what it says', () => {
    expect(servicesOf(withDependsOn('[db]'))[0]?.dependsOn).toEqual([{ service: 'shop_db', condition: 'started' }]);
    expect(servicesOf(withDependsOn('{db: {condition: service_healthy}}'))[0]?.dependsOn).toEqual([{ service: 'shop_db', condition: 'healthy' }]);
    expect(servicesOf(withDependsOn('{db: {condition: service_completed_successfully}}'))[0]?.dependsOn).toEqual([
      { service: 'shop_db', condition: 'completed' },
    ]);
    expect(servicesOf(withDependsOn('[db]'))[1]?.dependsOn).toBeUndefined();
  });

  test('rings, unknown names and conditions are faults that name the key', () => {
    expect(faultsOf(withDependsOn('[cache]'))).toEqual([{ key: 'services.web.depends_on.cache', message: 'there is no service cache' }]);
    expect(faultsOf(withDependsOn('[job]'))).toContainEqual({
      key: 'services.web.depends_on.job',
      message: 'these would wait for each other: web → job → web',
    });
    expect(faultsOf(withDependsOn('{db: {condition: service_happy}}'))[0]?.key).toBe('services.web.depends_on.db.condition');
    expect(faultsOf(withDependsOn('{db: {condition: service_started, required: false}}'))[0]?.key).toBe('services.web.depends_on.db.required');
  });
});

test('the whole supported subset arrives in the spec', () => {
  const [web] = servicesOf(`
services:
  web:
    image: nginx:1
    command: serve --root "/my site"
    entrypoint: [/init]
    environment: {LEVEL: 3, EMPTY: }
    ports: ["8080:80", "53/udp", {target: 443, published: 8443, mode: host}]
    user: 1000
    working_dir: /srv
    hostname: front
    read_only: true
    stop_grace_period: 1m30s
    stop_signal: SIGQUIT
    tty: true
    labels: [tier=front]
    volumes: ["data:/data", "/etc/app:/etc/app:ro", {type: tmpfs, target: /tmp}]
    healthcheck: {test: curl -f localhost, interval: 5s, retries: 2}
    deploy:
      replicas: 3
      resources: {limits: {cpus: "0.5", memory: 64m}, reservations: {memory: 32M, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}}
      restart_policy: {condition: on-failure, max_attempts: 4}
      placement: {constraints: [node.labels.zone == a], preferences: [{spread: node.labels.zone}], max_replicas_per_node: 1}
      update_config: {parallelism: 2, order: start-first}
volumes:
  data:
`);
  expect(web).toMatchObject({
    name: 'shop_web',
    mode: { type: 'replicated', replicas: 3 },
    update: { parallelism: 2, order: 'start-first', failureAction: 'pause' },
    ports: [
      { targetPort: 80, publishedPort: 8080, protocol: 'tcp', mode: 'ingress' },
      { targetPort: 53, publishedPort: 0, protocol: 'udp' },
      { targetPort: 443, publishedPort: 8443, mode: 'host' },
    ],
    task: {
      image: 'nginx:1',
      command: ['serve', '--root', '/my site'],
      entrypoint: ['/init'],
      env: ['LEVEL=3', 'EMPTY='],
      user: '1000',
      workingDir: '/srv',
      hostname: 'front',
      readOnlyRootfs: true,
      stopGraceMs: 90_000,
      stopSignal: 'SIGQUIT',
      tty: true,
      labels: { tier: 'front' },
      mounts: [
        { type: 'volume', source: 'data', target: '/data' },
        { type: 'bind', source: '/etc/app', target: '/etc/app', readOnly: true },
        { type: 'tmpfs', target: '/tmp' },
      ],
      healthcheck: { test: ['CMD-SHELL', 'curl -f localhost'], intervalMs: 5_000, retries: 2, timeoutMs: 30_000 },
      resources: { limits: { nanoCpus: 5e8, memoryBytes: 64 * 1024 ** 2 }, reservations: { memoryBytes: 32 * 1024 ** 2, nanoCpus: 0, generic: { gpu: 2 } } },
      restartPolicy: { condition: 'on-failure', maxAttempts: 4, delayMs: 5_000 },
      placement: { constraints: ['node.labels.zone == a'], maxPerNode: 1, preferences: ['node.labels.zone'] },
    },
  });
});

test('anchors and merge keys are resolved, extensions ignored', () => {
  const services = servicesOf('x-base: &base {image: a}\nservices:\n  one: {<<: *base}\n  two: {<<: *base, tty: true}');
  expect(services.map((service) => [service.name, service.task.image, service.task.tty])).toEqual([
    ['shop_one', 'a', false],
    ['shop_two', 'a', true],
  ]);
});

test.each([
  ['services: {web: {image: a, privileged: true}}', 'services.web.privileged', 'not supported'],
  ['services: {web: {image: a}}\nnetworks: {}', 'networks', 'not supported'],
  ['services: {web: {}}', 'services.web.image', 'expected string'],
  ['services: {web: {image: a, deploy: {replicas: many}}}', 'services.web.deploy.replicas', 'expected number'],
  ['services: {web: {image: a, ports: ["80:bad"]}}', 'services.web.ports.0', '"80:bad" is no port'],
  ['services: {web: {image: a, ports: ["127.0.0.1:80:80"]}}', 'services.web.ports.0', 'names an address'],
  ['services: {web: {image: a, ports: [{target: 80, wrong: 1}]}}', 'services.web.ports.0.wrong', 'not supported'],
  ['services: {web: {image: a, volumes: ["./x:/y"]}}', 'services.web.volumes.0', 'relative source'],
  ['services: {web: {image: a, stop_grace_period: soon}}', 'services.web.stop_grace_period', 'no duration'],
  ['services: {web: {image: a, environment: [HOME]}}', 'services.web.environment.0', 'expected NAME=value'],
  ['services: {}', 'services', 'at least one'],
  ['services: [', '', 'Flow sequence'],
])('%s is refused at %s', (text, key, message) => {
  const faults = faultsOf(text);
  expect(faults).toEqual(expect.arrayContaining([{ key, message: expect.stringContaining(message) }]));
});

test('shell words keep quotes together and escapes apart', () => {
  expect(splitShellWords(String.raw`sh -c "echo \"a b\"" 'c d' e\ f ""`)).toEqual(['sh', '-c', 'echo "a b"', 'c d', 'e f', '']);
});

test('sizes and durations', () => {
  expect(['64m', '1.5g', '512', '10KB', 'x'].map(parseBytes)).toEqual([67_108_864, 1_610_612_736, 512, 10_240, null]);
  expect(['1m30s', '500ms', '2h', '5', 'soon'].map(parseDurationMs)).toEqual([90_000, 500, 7_200_000, null, null]);
});

describe('secrets and configs', () => {
  const withUse = (use: string, definition = 'external: true') => `
services: { web: { image: nginx, secrets: [${use}] } }
secrets: { db: { ${definition} } }`;
  const secretsOf = (text: string) => {
    const parsed = parseCompose('shop', text);
    return parsed.kind === 'parsed' ? parsed.services[0]?.task.secrets : parsed.faults;
  };

  test('a use is short or long, and the name of the cluster may be another than the file’s', () => {
    expect(secretsOf(withUse('db'))).toEqual([{ name: 'db', target: 'db', uid: 0, gid: 0, mode: 0o444 }]);
    expect(secretsOf(withUse('{source: db, target: pw, uid: "10", gid: "20", mode: 0440}', 'external: true, name: prod_db'))).toEqual([
      { name: 'prod_db', target: 'pw', uid: 10, gid: 20, mode: 0o440 },
    ]);
  });

  test('a name that the file does not define, and content that the control plane can not read, are faults', () => {
    expect(secretsOf(withUse('dd'))).toEqual([{ key: 'services.web.secrets.0', message: 'the file has no "dd" among its own secrets' }]);
    expect(secretsOf(withUse('db', 'file: ./db.txt'))).toEqual([{ key: 'secrets.db.file', message: expect.stringContaining('`gantry deploy` reads this') }]);
    expect(secretsOf(withUse('db', 'external: false'))).toEqual([{ key: 'secrets.db.external', message: 'expected `external: true`' }]);
  });

  test('what a file brings along is taken out of it, and the rest stays as it was written', () => {
    const text = `# mine
services: { web: { image: nginx, secrets: [db], configs: [conf] } }
secrets:
  db: { file: ./db.txt }
  other: { external: true }
configs:
  conf: { content: "colour = blue", name: colours }
  env: { environment: COLOUR }
`;
    const { brought, compose } = detachPayloads('shop', text);
    expect(brought).toEqual([
      { kind: 'secret', key: 'db', name: 'shop_db', file: './db.txt', environment: null, content: null },
      { kind: 'config', key: 'conf', name: 'colours', file: null, environment: null, content: 'colour = blue' },
      { kind: 'config', key: 'env', name: 'shop_env', file: null, environment: 'COLOUR', content: null },
    ]);
    expect(compose).toContain('# mine');
    const parsed = parseCompose('shop', compose);
    expect(parsed.kind === 'parsed' && parsed.services[0]?.task).toMatchObject({
      secrets: [{ name: 'shop_db', target: 'db' }],
      configs: [{ name: 'colours', target: 'conf' }],
    });
    expect(detachPayloads('shop', 'services: {}')).toEqual({ brought: [], compose: 'services: {}' });
  });
});

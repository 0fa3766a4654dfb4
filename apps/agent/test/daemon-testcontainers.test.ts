import { join } from 'node:path';
import { GenericContainer, Network, type StartedTestContainer, Wait } from 'testcontainers';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';

let agent: AgentProcess;
const started: { stop(): Promise<unknown> }[] = [];

beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 225 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
  // Read once, when the first container is asked for. The reaper would need an image from a registry.
  process.env.DOCKER_HOST = `unix://${agent.engineSocket}`;
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
});
afterEach(async () => {
  for (const resource of started.splice(0).reverse()) await resource.stop();
});
afterAll(() => agent.destroy());

async function startWeb(options: { page: string }): Promise<StartedTestContainer> {
  const container = await new GenericContainer('bb:1')
    .withCommand(['httpd', '-f', '-v', '-p', '8080', '-h', '/www'])
    .withCopyContentToContainer([{ content: options.page, target: '/www/index.html' }])
    .withExposedPorts(8080)
    .withWaitStrategy(Wait.forHttp('/', 8080))
    .start();
  started.push(container);
  return container;
}

test('a web server gets its page before it starts, and a port of this host', async () => {
  const web = await startWeb({ page: 'hello from a container' });
  const page = await fetch(`http://${web.getHost()}:${web.getMappedPort(8080)}/`);
  expect(await page.text()).toBe('hello from a container');
  expect((await web.exec(['cat', '/www/index.html'])).output).toBe('hello from a container');
  expect((await web.exec(['sh', '-c', 'exit 3'])).exitCode).toBe(3);
});

test('containers of a network reach each other by alias', async () => {
  const network = await new Network().start();
  started.push(network);
  const server = await new GenericContainer('bb:1')
    .withCommand(['sh', '-c', 'echo answer >/www/index.html; echo ready; exec httpd -f -p 80 -h /www'])
    .withNetwork(network)
    .withNetworkAliases('server')
    .withWaitStrategy(Wait.forLogMessage('ready'))
    .start();
  started.push(server);
  const client = await new GenericContainer('bb:1').withCommand(['sleep', '1000']).withNetwork(network).start();
  started.push(client);
  await expect.poll(async () => (await client.exec(['wget', '-q', '-O', '-', 'http://server/'])).output).toContain('answer');
});

test('a health check is waited for', async () => {
  const container = await new GenericContainer('bb:1')
    .withCommand(['sh', '-c', 'sleep 1; touch /tmp/ready; sleep 1000'])
    .withHealthCheck({ test: ['CMD', 'test', '-f', '/tmp/ready'], interval: 200, retries: 50, timeout: 1000, startPeriod: 0 })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  started.push(container);
  expect((await container.exec(['ls', '/tmp'])).output).toContain('ready');
});

test('a Dockerfile is built and run', async () => {
  const context = join(import.meta.dirname, 'daemon/context');
  const image = await GenericContainer.fromDockerfile(context).build('testcontainers:built', { deleteOnExit: false });
  const container = await image.withWaitStrategy(Wait.forLogMessage('built and running')).start();
  started.push(container);
  expect((await container.exec(['cat', '/copy'])).output).toBe('built and running\n');
});

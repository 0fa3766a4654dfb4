import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { busyboxArchive, toTar } from '@gantry/testing/images';
import Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { AgentProcess } from './agent-process.ts';

let agent: AgentProcess;
let docker: Docker;

beforeAll(async () => {
  agent = await AgentProcess.create({ octet: 222 });
  await agent.start();
  await agent.loadBusybox('bb:1', ['sh']);
  docker = new Docker({ socketPath: agent.engineSocket });
});
afterAll(() => agent.destroy());
afterEach(async () => {
  for (const { Id } of await docker.listContainers({ all: true })) await docker.getContainer(Id).remove({ force: true, v: true });
});

async function create(cmd: string[], options: Partial<Docker.ContainerCreateOptions> = {}): Promise<Docker.Container> {
  return docker.createContainer({ Image: 'bb:1', Cmd: cmd, ...options, HostConfig: { NetworkMode: 'none', ...options.HostConfig } });
}

test('attach before start sees everything, and wait before start gets the code of a process that ends at once', async () => {
  const container = await create(['sh', '-c', 'echo out; echo err >&2; exit 4']);
  const stream = await container.attach({ stream: true, stdout: true, stderr: true });
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.once('end', () => {
    stdout.end();
    stderr.end();
  });
  const waiting = container.wait({ condition: 'next-exit' });
  await container.start();
  expect(await Promise.all([text(stdout), text(stderr), waiting])).toEqual(['out\n', 'err\n', { Error: null, StatusCode: 4 }]);
});

test('a hijacked exec passes input through as it is, and has its exit code when its stream ends', async () => {
  const container = await create(['sleep', '1000']);
  await container.start();
  const exec = await container.exec({ Cmd: ['sh', '-c', 'read line; echo "got $line"; exit 9'], AttachStdin: true, AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: true });
  const output = new PassThrough();
  docker.modem.demuxStream(stream, output, output);
  stream.write('a line\n');
  await new Promise((resolve) => stream.once('end', resolve));
  output.end();
  expect(await text(output)).toBe('got a line\n');
  expect(await exec.inspect()).toMatchObject({ Running: false, ExitCode: 9 });
});

test('errors carry the statuses that clients look at', async () => {
  const container = await create(['true'], { name: 'taken' });
  await expect(create(['true'], { name: 'taken' })).rejects.toMatchObject({ statusCode: 409 });
  await expect(docker.getContainer('nosuch').inspect()).rejects.toMatchObject({ statusCode: 404, json: { message: 'No such container: nosuch' } });
  await expect(docker.createContainer({ Image: 'nosuch:1' })).rejects.toMatchObject({ statusCode: 404, json: { message: 'No such image: nosuch:1' } });
  await container.start();
  await container.wait();
  await expect(container.stop()).rejects.toMatchObject({ statusCode: 304 });
  await expect(container.kill()).rejects.toMatchObject({ statusCode: 409 });
});

test('events of a run come in the order compose counts on', async () => {
  const stream = await docker.getEvents({ filters: { type: ['container'] } });
  let received = '';
  stream.on('data', (chunk: Buffer) => {
    received += chunk.toString();
  });
  const container = await create(['true'], { Labels: { tier: 'front' } });
  await container.start();
  await container.wait();
  await container.remove();
  const events = () =>
    received.split('\n').flatMap((line) => (line.trim() === '' ? [] : [JSON.parse(line) as { Action: string; Actor: { Attributes: Record<string, string> } }])); // Docker's event messages
  await expect.poll(() => events().map(({ Action }) => Action)).toEqual(['create', 'start', 'die', 'destroy']);
  expect(events()[2]?.Actor.Attributes).toMatchObject({ exitCode: '0', tier: 'front', image: 'bb:1' });
  if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy();
});

test('load, tag, save and remove an image', async () => {
  const loaded = await docker.loadImage(await busyboxArchiveStream('two:1'));
  expect(await text(loaded)).toContain('Loaded image: two:1');
  await docker.getImage('two:1').tag({ repo: 'two', tag: '2' });
  const saved = await docker.getImage('two:2').get();
  expect(await text(saved)).toContain('manifest.json');
  expect(await docker.getImage('two:1').remove()).toEqual([{ Untagged: 'two:1' }]);
  expect((await docker.getImage('two:2').inspect()).RepoTags).toEqual(['two:2']);
  await docker.getImage('two:2').remove();
});

async function busyboxArchiveStream(reference: string): Promise<NodeJS.ReadableStream> {
  const stream = new PassThrough();
  stream.end(await busyboxArchive({ reference, cmd: ['sh'], labels: { of: reference } }));
  return stream;
}

test('build from a tar, with the image id in the stream', async () => {
  const context = new PassThrough();
  context.end(
    toTar([
      { path: 'Dockerfile', content: Buffer.from('FROM bb:1\nCOPY f /f\nRUN cat /f /f >/g\nCMD ["cat", "/g"]\n') },
      { path: 'f', content: Buffer.from('x') },
    ]),
  );
  const stream = await docker.buildImage(context, { t: 'built:1', networkmode: 'none' });
  const messages = await new Promise<{ aux?: { ID: string } }[]>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output) => (error ? reject(error) : resolve(output)));
  });
  const id = messages.find((message) => message.aux !== undefined)?.aux?.ID;
  expect((await docker.getImage('built:1').inspect()).Id).toBe(id);
  const container = await create([], { Image: 'built:1' });
  await container.start();
  await container.wait();
  expect((await container.logs({ stdout: true })).toString()).toContain('xx');
});

test('files go in before the start and come out after the end', async () => {
  const container = await create(['sh', '-c', 'cat /in/f >/out']);
  const tar = new PassThrough();
  tar.end(
    toTar([
      { path: 'in/', isDirectory: true },
      { path: 'in/f', content: Buffer.from('carried') },
    ]),
  );
  await container.putArchive(tar, { path: '/' });
  await container.start();
  await container.wait();
  const archive = await container.getArchive({ path: '/out' });
  expect(await text(archive)).toContain('carried');
});

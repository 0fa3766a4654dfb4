import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadBusybox, openRuntimeFixture, type RuntimeFixture, run } from './fixture.suite.ts';
import type { Runtime } from './runtime.ts';

let fixture: RuntimeFixture;
let runtime: Runtime;
beforeAll(async () => {
  fixture = await openRuntimeFixture();
  runtime = fixture.runtime;
  await loadBusybox(runtime, {
    files: [
      { path: 'seed/', isDirectory: true, mode: 0o750 },
      { path: 'seed/file', content: Buffer.from('from the image\n') },
    ],
  });
});
afterAll(() => fixture?.close());

it('outlive containers, start with what the image holds, and stay while they are used', async () => {
  const mounts = [{ type: 'volume', source: 'kept', target: '/seed' }] as const;
  const first = await run(runtime, { cmd: ['sh', '-c', 'cat /seed/file; stat -c %a /seed; echo changed > /seed/file'], hostConfig: { mounts: [...mounts] } });
  expect(first.output).toBe('from the image\n750\n');
  const second = await run(runtime, { cmd: ['cat', '/seed/file'], hostConfig: { mounts: [...mounts] } });
  expect(second.output).toBe('changed\n');
  await expect(runtime.volumes.remove('kept')).rejects.toMatchObject({ code: 'conflict' });
  for (const { id } of [first, second]) await runtime.containers.remove(id, { removeVolumes: true });
  expect(runtime.volumes.get('kept').name).toBe('kept');
  expect(await runtime.volumes.usage('kept')).toBe('changed\n'.length);
  await runtime.volumes.remove('kept');
  expect(() => runtime.volumes.get('kept')).toThrow('no such volume: kept');
});

it('are made without a name where the image or the user asks, and pruned when unused', async () => {
  const { id } = await run(runtime, { cmd: ['sh', '-c', 'echo x > /data/x'], volumes: ['/data'] });
  const [mount] = runtime.containers.get(id).mounts;
  expect(mount).toMatchObject({ type: 'volume', target: '/data' });
  expect((await runtime.volumes.prune()).removed).toEqual([]);
  await runtime.containers.remove(id);
  expect(await runtime.volumes.prune()).toEqual({ removed: [mount?.name], reclaimedBytes: 2 });
});

it('can be directories of the host, read-only or not, made when missing if so asked', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-bind-'));
  try {
    await writeFile(join(directory, 'in'), 'host\n');
    const { output } = await run(runtime, {
      cmd: ['sh', '-c', 'cat /ro/in; touch /ro/x 2>&1; echo container > /rw/out; ls -d /made'],
      hostConfig: {
        mounts: [
          { type: 'bind', source: directory, target: '/ro', readOnly: true },
          { type: 'bind', source: directory, target: '/rw' },
          { type: 'bind', source: join(directory, 'made'), target: '/made', createSource: true },
        ],
      },
    });
    expect(output).toMatch(/^host\n.*Read-only file system\n\/made\n$/);
    expect(await readFile(join(directory, 'out'), 'utf8')).toBe('container\n');
    await expect(
      runtime.containers.create({ spec: { image: 'busybox', hostConfig: { mounts: [{ type: 'bind', source: join(directory, 'none'), target: '/x' }] } } }),
    ).rejects.toThrow('bind source path does not exist');
  } finally {
    await rm(directory, { recursive: true });
  }
});

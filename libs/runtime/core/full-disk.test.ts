import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdtemp, open as openFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { exec, loadBusybox, openRuntimeFixture, outputOf, type RuntimeFixture, run, start, until } from './fixture.suite.ts';
import { layerOf, makeImage, serveImage } from './scripted-registry.suite.ts';

let cleanup = new AsyncDisposableStack();
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

interface SmallDisk extends RuntimeFixture {
  /** Takes the room there is, but for so many bytes. */
  fill(exceptBytes?: number): Promise<void>;
  free(): Promise<void>;
}

/** A runtime whose data is on a disk of its own. */
async function openOnDisk(megabytes: number): Promise<SmallDisk> {
  const disk = await mkdtemp(join(tmpdir(), 'gantry-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', disk]);
  cleanup.defer(async () => {
    execFileSync('umount', ['-l', disk]);
    await rm(disk, { recursive: true });
  });
  const fixture = await openRuntimeFixture({ dataDir: join(disk, 'data') });
  cleanup.defer(() => fixture.close());
  await loadBusybox(fixture.runtime);
  const filler = join(disk, 'filler');
  return Object.assign(fixture, {
    async fill(exceptBytes = 0) {
      const handle = await openFile(filler, 'a');
      const page = Buffer.alloc(4096);
      try {
        for (;;) await handle.write(page);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
        await handle.truncate(Math.max(0, (await handle.stat()).size - exceptBytes));
      } finally {
        await handle.close();
      }
    },
    free: () => rm(filler),
  });
}

it('a disk that fills up leaves no half layer, and works again when there is room', async () => {
  const fixture = await openOnDisk(64);
  const { runtime } = fixture;
  const reference = await serveImage(makeImage([layerOf('big', randomBytes(8 << 20))]), {}, cleanup);
  await fixture.fill(4 << 20);
  await expect(runtime.images.pull(reference)).rejects.toMatchObject({ code: 'no-space' });
  expect(runtime.images.find(reference)).toBeUndefined();
  expect((await run(runtime, { cmd: ['echo', 'still here'] })).output).toBe('still here\n');
  await runtime.collectGarbage();
  await fixture.free();
  expect((await runtime.images.pull(reference)).isNew).toBe(true);
});

it('a commit that finds no room leaves nothing, and the container runs on', async () => {
  const fixture = await openOnDisk(64);
  const { runtime, options } = fixture;
  const id = await start(runtime, { cmd: ['sleep', '1000'] });
  expect(await exec(runtime, id, ['dd', 'if=/dev/urandom', 'of=/big', 'bs=65536', 'count=100'])).toMatchObject({ exitCode: 0 });
  const blobs = runtime.content.list();
  await fixture.fill(2 << 20);
  await expect(runtime.containers.commit(id, { reference: 'full:1' })).rejects.toMatchObject({ code: 'no-space' });
  expect(runtime.containers.get(id).state.status).toBe('running');
  expect((await exec(runtime, id, ['echo', 'fine'])).output).toBe('fine\n');
  expect([runtime.images.find('full:1'), runtime.content.list()]).toEqual([undefined, blobs]);
  expect(readdirSync(join(options.dataDir, 'snapshots')).filter((name) => name.startsWith('diff-'))).toEqual([]);
  await fixture.free();
  const image = await runtime.containers.commit(id, { reference: 'full:1' });
  expect((await run(runtime, { image: image.id, cmd: ['stat', '-c', '%s', '/big'] })).output).toBe(`${100 * 65536}\n`);
});

it('a log that finds no room loses lines and never holds up its container', async () => {
  const fixture = await openOnDisk(64);
  const { runtime } = fixture;
  const id = await start(runtime, { cmd: ['sh', '-c', 'until [ -e /go ]; do sleep 0.1; done; yes filling | head -n 400000; echo all told; exit 5'] });
  const waiting = runtime.containers.wait(id, 'next-exit');
  await fixture.fill(1 << 20);
  expect((await exec(runtime, id, ['touch', '/go'])).exitCode).toBe(0);
  expect((await waiting).exitCode).toBe(5);
  const output = await outputOf(runtime, id);
  expect(output.startsWith('filling\nfilling\n')).toBe(true);
  expect(output.length).toBeLessThan(400_000 * 'filling\n'.length);
  await fixture.free();
  await runtime.containers.start(id);
  await until('its log goes on', async () => (await outputOf(runtime, id)).endsWith('all told\n'));
});

it('a full disk lets nothing new in, and all that is there be changed, ended and removed', async () => {
  const fixture = await openOnDisk(32);
  const { runtime } = fixture;
  const ending = await start(runtime, { cmd: ['sh', '-c', 'until [ -e /go ]; do sleep 0.1; done; exit 7'] }, 'ending');
  const running = await start(runtime, { cmd: ['sleep', '1000'] }, 'running');
  const stopped = (await run(runtime, { cmd: ['true'] })).id;
  const waiting = runtime.containers.wait(ending, 'next-exit');
  await fixture.fill();
  let made = 0;
  const create = () => runtime.containers.create({ spec: { image: 'busybox', cmd: ['true'], labels: { long: 'x'.repeat(10_000) } } }).then(() => made++);
  // The database has room in its files at first.
  await expect(Promise.all(Array.from({ length: 1000 }, create))).rejects.toMatchObject({ code: 'no-space' });
  for (let attempt = 0; attempt < 100; attempt++) await runtime.containers.rename(running, `name-${attempt}`);
  expect((await exec(runtime, ending, ['touch', '/go'])).exitCode).toBe(0);
  expect((await waiting).exitCode).toBe(7);
  await runtime.containers.remove(stopped);
  await runtime.containers.stop(running, { timeoutSeconds: 0 });
  const again = await fixture.reopen();
  expect(again.containers.list()).toHaveLength(2 + made);
  expect(again.containers.get(running)).toMatchObject({ name: 'name-99', state: { status: 'exited', exitCode: 137 } });
  expect(again.containers.get(ending).state).toMatchObject({ status: 'exited', exitCode: 7 });
  await again.containers.prune();
  await fixture.free();
  expect((await run(again, { cmd: ['echo', 'room again'] })).output).toBe('room again\n');
});

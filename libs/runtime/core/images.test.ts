import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { readTar, tarEnd, tarFile, tarHeader } from '@gantry/oci/tar';
import { startRegistry, type TestRegistry } from '@gantry/testing/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { busybox, exec, loadBusybox, openRuntimeFixture, type RuntimeFixture, run, start } from './fixture.suite.ts';
import type { Runtime } from './runtime.ts';

const command = promisify(execFile);
let fixture: RuntimeFixture;
let runtime: Runtime;
let registry: TestRegistry;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'gantry-images-'));
  registry = await startRegistry();
  fixture = await openRuntimeFixture();
  runtime = fixture.runtime;
  await loadBusybox(runtime);
});
afterAll(async () => {
  await fixture?.close();
  await registry?.close();
  await rm(directory, { recursive: true, force: true });
});

const bytesOf = async (stream: Readable) => Buffer.concat(await stream.toArray());

describe('names', () => {
  it('tags, untags, and refuses to take what a container uses', async () => {
    const { id } = runtime.images.get(busybox);
    runtime.images.tag(busybox, 'other/name:1');
    expect(runtime.images.get(id).references).toEqual(['docker.io/library/busybox:latest', 'docker.io/other/name:1']);
    expect(await runtime.images.remove('other/name:1')).toEqual({ untagged: ['other/name:1'], deleted: [] });
    const { container } = await runtime.containers.create({ spec: { image: busybox } });
    await expect(runtime.images.remove(busybox)).rejects.toMatchObject({ code: 'conflict' });
    await runtime.containers.remove(container.id);
  });
});

describe('archives', () => {
  it('saves what it can load again, and what skopeo reads', async () => {
    const image = runtime.images.get(busybox);
    const archive = await bytesOf(runtime.images.save([busybox]));
    const file = join(directory, 'saved.tar');
    await writeFile(file, archive);
    const { stdout } = await command('skopeo', ['inspect', '--config', `docker-archive:${file}`]);
    expect(JSON.parse(stdout).rootfs.diff_ids).toEqual(image.layers.map((layer) => layer.diffId));
    await runtime.images.remove(image.id);
    expect(runtime.images.find(busybox)).toBeUndefined();
    expect(runtime.content.list()).toEqual([]);
    const [loaded] = await runtime.images.load(Readable.from([gzipSync(archive)]));
    expect(loaded?.references).toEqual(['docker.io/library/busybox:latest']);
    expect(loaded?.image).toMatchObject({ id: image.id, manifestDigest: image.manifestDigest });
  });

  it('loads archives, and layers in them, compressed with gzip, zstd, bzip2 or xz, and imports such root file systems', async () => {
    const plain = join(directory, 'plain.tar');
    await writeFile(plain, await bytesOf(runtime.images.save([busybox])));
    const { id, layers } = runtime.images.get(busybox);
    const layerFile = join(directory, 'layer.tar');
    const [layer] = layers;
    await writeFile(layerFile, await runtime.content.read(layer?.digest ?? '', { maxBytes: 1 << 30 }));
    const config = await runtime.content.read(id);
    for (const program of ['gzip', 'zstd', 'bzip2', 'xz']) {
      const compress = async (file: string) => (await command(program, ['-q', '-1', '-c', file], { encoding: 'buffer', maxBuffer: 1 << 30 })).stdout;
      await runtime.images.remove(id);
      const [loaded] = await runtime.images.load(Readable.from([await compress(plain)]));
      expect(loaded?.image.id, program).toBe(id);
      expect((await run(runtime, { cmd: ['echo', program] })).output).toBe(`${program}\n`);
      for (const container of runtime.containers.list()) await runtime.containers.remove(container.id);

      const rootfs = await compress(layerFile);
      const imported = await runtime.images.import(Readable.from([rootfs]), { reference: 'imported:1' });
      expect(imported.layers[0]?.diffId, program).toBe(layer?.diffId);
      await runtime.images.remove(imported.id);

      await runtime.images.remove(id);
      const table = JSON.stringify([{ Config: 'config.json', RepoTags: ['busybox:latest'], Layers: ['a/layer.tar'] }]);
      const archive = [tarFile('a/layer.tar', rootfs), tarFile('config.json', config), tarFile('manifest.json', table), tarEnd];
      const [unusual] = await runtime.images.load(Readable.from([Buffer.concat(archive)]));
      expect(unusual?.image, program).toMatchObject({ id, references: ['docker.io/library/busybox:latest'] });
      // What no manifest has a name for is kept plain, so that it can be pushed.
      const [kept] = unusual?.image.layers ?? [];
      if (program === 'bzip2' || program === 'xz') expect(kept).toMatchObject({ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: layer?.diffId });
    }
    await expect(
      runtime.images.load(Readable.from([(await command('xz', ['-c', plain], { encoding: 'buffer', maxBuffer: 1 << 30 })).stdout.subarray(0, 5000)])),
    ).rejects.toMatchObject({
      code: 'invalid',
    });
    expect(readdirSync(join(fixture.options.dataDir, 'snapshots/layers')).filter((name) => name.startsWith('draft'))).toEqual([]);
  });

  it('loads what skopeo writes: docker-archive, OCI layout, zstd', async () => {
    const source = join(directory, 'source.tar');
    await writeFile(source, await bytesOf(runtime.images.save([busybox])));
    const { id } = runtime.images.get(busybox);
    for (const [name, target, options] of [
      ['docker', 'docker-archive:OUT:copied/docker:1', []],
      ['oci', 'oci-archive:OUT:copied/oci:1', []],
      ['zstd', 'oci-archive:OUT:copied/zstd:1', ['--dest-compress-format', 'zstd']],
    ] as const) {
      const out = join(directory, `${name}.tar`);
      await command('skopeo', ['--insecure-policy', 'copy', ...options, `docker-archive:${source}`, target.replace('OUT', out)]);
      const [loaded] = await runtime.images.load(Readable.from([await readFile(out)]));
      expect(loaded?.references, name).toEqual([`docker.io/copied/${name}:1`]);
      expect(loaded?.image.config.rootfs.diff_ids, name).toEqual(runtime.images.get(id).config.rootfs.diff_ids);
      expect((await run(runtime, { image: `copied/${name}:1`, cmd: ['echo', name] })).output).toBe(`${name}\n`);
    }
  });

  it('refuses what is no image archive, and keeps nothing of it', async () => {
    const before = runtime.content.list().length;
    await expect(runtime.images.load(Readable.from([Buffer.concat([tarFile('file', 'x'), tarEnd])]))).rejects.toThrow('neither a docker-archive');
    const lying = Buffer.concat([tarHeader({ name: 'blobs/sha256/', type: 'directory' }), tarFile(`blobs/sha256/${'a'.repeat(64)}`, 'lies'), tarEnd]);
    await expect(runtime.images.load(Readable.from([lying]))).rejects.toMatchObject({ code: 'digest-mismatch' });
    expect(runtime.content.list()).toHaveLength(before);
  });

  it('imports a root file system and exports a container', async () => {
    const id = await start(runtime, { cmd: ['sleep', '1000'] });
    await exec(runtime, id, ['sh', '-c', 'echo mark > /mark']);
    const tar = await bytesOf(await runtime.containers.export(id));
    const image = await runtime.images.import(Readable.from([tar]), { reference: 'imported:1', config: { Cmd: ['cat', '/mark'] } });
    expect(image.layers).toHaveLength(1);
    expect((await run(runtime, { image: 'imported:1' })).output).toBe('mark\n');
  });
});

describe('commit', () => {
  it('adds what changed as a layer that runs the same elsewhere', async () => {
    const id = await start(runtime, { cmd: ['sleep', '1000'], env: ['KEPT=yes'] });
    await exec(runtime, id, ['sh', '-c', 'echo new > /new; rm /etc/group; chmod 600 /etc/passwd; ln /new /linked; ln -s /new /soft']);
    const changes = await runtime.containers.changes(id);
    expect(changes.map(({ path, kind }) => `${'MAD'[kind]} ${path}`).sort()).toEqual([
      'A /linked',
      'A /new',
      'A /soft',
      'D /etc/group',
      'M /etc',
      'M /etc/passwd',
    ]);
    const image = await runtime.containers.commit(id, {
      reference: 'committed:1',
      comment: 'by hand',
      config: { Cmd: ['sh', '-c', 'cat /soft; echo $KEPT; ls /etc/group'] },
    });
    expect(image.layers).toHaveLength(2);
    const { output, exitCode } = await run(runtime, { image: 'committed:1' });
    expect(output).toContain('new\nyes\n');
    expect(exitCode).not.toBe(0);
    expect(runtime.images.history('committed:1')[0]).toMatchObject({ id: image.id, comment: 'by hand', tags: ['docker.io/library/committed:1'] });
  });
});

describe('registries', () => {
  it('pushes and pulls, and knows what is there already', async () => {
    const name = `${registry.domain}/team/app:1`;
    runtime.images.tag(busybox, name);
    const statuses: string[] = [];
    const pushed = await runtime.images.push(name, { onProgress: (progress) => statuses.push(progress.status) });
    expect(statuses).toContain('Pushed');
    expect((await command('skopeo', ['inspect', '--tls-verify=false', `docker://${name}`])).stdout).toContain(pushed.digest);
    statuses.length = 0;
    await runtime.images.push(name, { onProgress: (progress) => statuses.push(progress.status) });
    expect(statuses).toContain('Layer already exists');

    const second = await openRuntimeFixture();
    try {
      const [pulled, again] = await Promise.all([second.runtime.images.pull(name), second.runtime.images.pull(name)]);
      expect(pulled.image.id).toBe(runtime.images.get(busybox).id);
      expect(again.image.id).toBe(pulled.image.id);
      expect(pulled.digest).toBe(pushed.digest);
      expect(pulled.image.repoDigests).toEqual([`${registry.domain}/team/app@${pushed.digest}`]);
      expect((await second.runtime.images.pull(name)).isNew).toBe(false);
      expect((await run(second.runtime, { image: name, cmd: ['echo', 'pulled'] })).output).toBe('pulled\n');
      await expect(second.runtime.images.pull(`${registry.domain}/team/none:1`)).rejects.toMatchObject({ code: 'not-found' });
    } finally {
      await second.close();
    }
  });
});

describe('garbage', () => {
  it('goes with the image, but not what others or containers need', async () => {
    const id = await start(runtime, { cmd: ['sleep', '1000'] });
    await exec(runtime, id, ['sh', '-c', 'echo a > /a']);
    const one = await runtime.containers.commit(id, { reference: 'garbage:1' });
    const layer = one.layers.at(-1);
    const user = await start(runtime, { image: 'garbage:1', cmd: ['sleep', '1000'] });
    await runtime.containers.remove(id, { force: true });
    await expect(runtime.images.remove('garbage:1')).rejects.toMatchObject({ code: 'conflict' });
    await runtime.containers.stop(user, { timeoutSeconds: 0 });
    await runtime.images.remove('garbage:1', { force: true });
    expect(runtime.snapshots.has(layer?.chainId ?? '')).toBe(true);
    expect(runtime.content.stat(layer?.digest ?? '')).toBeUndefined();
    await runtime.containers.start(user);
    expect((await exec(runtime, user, ['cat', '/a'])).output).toBe('a\n');
    await runtime.containers.remove(user, { force: true });
    await runtime.collectGarbage();
    expect(runtime.snapshots.has(layer?.chainId ?? '')).toBe(false);
    expect(runtime.images.get(busybox).layers.every(({ chainId }) => runtime.snapshots.has(chainId))).toBe(true);
  });
});

it('copies files out of and into containers, running or not', async () => {
  const id = await start(runtime, { cmd: ['sh', '-c', 'mkdir /d; echo content > /d/f; sleep 1000'] });
  await expect.poll(() => runtime.containers.statPath(id, '/d/f').catch(() => null)).toMatchObject({ size: 8 });
  for (const isRunning of [true, false]) {
    if (!isRunning) await runtime.containers.stop(id, { timeoutSeconds: 0 });
    const { stat, tar } = await runtime.containers.readArchive(id, '/d');
    expect(stat.name).toBe('d');
    const names: string[] = [];
    for await (const entry of readTar(tar)) names.push(entry.name);
    expect(names).toEqual(isRunning ? ['d/', 'd/f'] : ['d/', 'd/f', 'd/in-true']);
    const archive = Buffer.concat([tarFile(`in-${isRunning}`, 'in', { uid: 5, mode: 0o640 }), tarEnd]);
    await runtime.containers.writeArchive(id, '/d', Readable.from([archive]), { noOverwriteDirNonDir: false, keepOwner: true });
    expect(await runtime.containers.statPath(id, `/d/in-${isRunning}`)).toMatchObject({ size: 2, mode: 0o100640 });
    await expect(runtime.containers.statPath(id, '/nothing')).rejects.toMatchObject({ code: 'not-found' });
  }
});

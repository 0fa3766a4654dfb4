import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busyboxArchive } from '@gantry/testing/images';
import { startRegistry } from '@gantry/testing/registry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AgentProcess, builtExecutor } from './agent-process.ts';
import { Dockerd } from './daemon/dockerd.ts';
import { cliOutput } from './daemon/run-cli.ts';
import { fileTree } from './foreign/file-tree.ts';
import { oddityArchive } from './foreign/oddity-image.ts';
import { Podman } from './foreign/podman.ts';

const parts = new AsyncDisposableStack();
let directory: string;
let registry: string;
let agent: AgentProcess;
let dockerd: Dockerd;
let podman: string;
let buildah: string;

const sh = (line: string, socket = '/nonexistent') => cliOutput(line, { socket, directory, timeoutMs: 180_000 });
const ours = (line: string) => sh(`docker ${line}`, agent.engineSocket);
const theirs = (line: string) => sh(`docker ${line}`, dockerd.socket);

/** The file system of an image as an engine runs it. */
async function treeIn(engine: typeof ours, image: string): Promise<string> {
  const id = await engine(`run -d --network none ${image} sleep 1000`);
  try {
    return await fileTree(`/proc/${await engine(`inspect -f '{{.State.Pid}}' ${id}`)}/root`);
  } finally {
    await engine(`rm -f ${id}`);
  }
}

const layersIn = async (engine: typeof ours, image: string): Promise<string[]> =>
  JSON.parse(await engine(`image inspect -f '{{json .RootFS.Layers}}' ${image}`));

/** What skopeo reads of an image: its diff IDs. */
const layersOf = async (source: string): Promise<string[]> => JSON.parse(await sh(`skopeo inspect --tls-verify=false --config ${source}`)).rootfs.diff_ids;

async function umociTree(layout: string, tag: string): Promise<string> {
  await rm(join(directory, 'bundle'), { recursive: true, force: true });
  await sh(`umoci unpack --image ${layout}:${tag} bundle`);
  return fileTree(join(directory, 'bundle/rootfs'));
}

async function podmanTree(image: string): Promise<string> {
  const id = await sh(`${podman} create ${image} none`);
  try {
    return await fileTree(await sh(`${podman} mount ${id}`));
  } finally {
    await sh(`${podman} rm -f ${id}`);
  }
}

/** A new and empty directory, and what to call it. */
async function emptied(name: string): Promise<string> {
  const path = join(directory, name);
  await rm(path, { recursive: true, force: true });
  await mkdir(path);
  return path;
}

/** What a container did to its image before it was committed. */
const changes = {
  busybox: 'echo new > /new; chmod 600 /etc/passwd; rm /etc/group; ln /new /linked; touch /bin/busybox',
  debian: 'mkdir /srv/new && chmod 1777 /srv/new && rm -r /usr/share/doc && mv /etc/issue /etc/moved && ln -s moved /etc/issue && chown 33:33 /etc/passwd',
  oddity:
    'rm /odd/two; ln /odd/three /odd/four; rm -r /odd/opaque; mkdir /odd/opaque; echo over > /odd/opaque/over; chmod 4711 /odd/capability; ls > /odd/empty',
};
const names = ['busybox', 'debian', 'oddity'] as const;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'interop-'));
  parts.defer(() => rm(directory, { recursive: true, force: true }));
  dockerd = await Dockerd.create({ prefix: '10.229.0' });
  parts.defer(() => dockerd.destroy());
  await dockerd.start();
  const started = await startRegistry({ host: dockerd.gateway });
  parts.defer(() => started.close());
  registry = started.domain;
  agent = await AgentProcess.create({ octet: 231, env: { GANTRY_INSECURE_REGISTRIES: registry } });
  parts.defer(() => agent.destroy());
  await agent.start();
  const installed = await Podman.create(builtExecutor());
  parts.defer(() => installed.destroy());
  podman = installed.client;
  buildah = installed.buildah;

  await writeFile(join(directory, 'busybox.tar'), await busyboxArchive({ reference: 'busybox:1', cmd: ['sh'] }));
  await writeFile(join(directory, 'oddity.tar'), await oddityArchive('oddity:1'));
  await ours('load -i busybox.tar');
  await ours('load -i oddity.tar');
  await sh('mmdebstrap --quiet --mode=root --variant=essential bookworm debian.tar');
  await ours('import debian.tar debian:1');
});
afterAll(() => parts.disposeAsync());

describe.each(names)('%s', (name) => {
  let tree: string;
  let layers: string[];

  test('runs, is committed, and is in the commit what it was in the container', { timeout: 240_000 }, async () => {
    const id = await ours(`run -d --network none ${name}:1 sleep 1000`);
    await ours(`exec ${id} sh -ec '${changes[name]}'`);
    const before = await fileTree(`/proc/${await ours(`inspect -f '{{.State.Pid}}' ${id}`)}/root`);
    await ours(`commit ${id} ${registry}/${name}:2`);
    await ours(`rm -f ${id}`);
    tree = await treeIn(ours, `${registry}/${name}:2`);
    expect(tree.split('\n')).toEqual(before.split('\n'));
    layers = await layersIn(ours, `${registry}/${name}:2`);
    expect(layers).toEqual([...(await layersIn(ours, `${name}:1`)), expect.stringMatching(/^sha256:/)]);
  });

  test('is what skopeo, umoci, podman and dockerd read when we push it', { timeout: 240_000 }, async () => {
    const image = `${registry}/${name}:2`;
    await ours(`push ${image}`);
    expect(await layersOf(`docker://${image}`)).toEqual(layers);
    const layout = await emptied('layout');
    await sh(`skopeo --insecure-policy copy --src-tls-verify=false docker://${image} oci:${layout}:2`);
    expect((await umociTree(layout, '2')).split('\n')).toEqual(tree.split('\n'));
    await sh(`${podman} pull --tls-verify=false ${image}`);
    expect((await podmanTree(image)).split('\n')).toEqual(tree.split('\n'));
    await sh(`${podman} rmi ${image}`);
    await theirs(`pull ${image}`);
    expect(await layersIn(theirs, image)).toEqual(layers);
    expect((await treeIn(theirs, image)).split('\n')).toEqual(tree.split('\n'));
    await theirs(`rmi ${image}`);
  });

  test('is what skopeo, umoci, podman and dockerd read when we save it', { timeout: 240_000 }, async () => {
    const image = `${registry}/${name}:2`;
    await ours(`save -o saved.tar ${image}`);
    expect(await layersOf('docker-archive:saved.tar')).toEqual(layers);
    expect(await layersOf('oci-archive:saved.tar:2')).toEqual(layers);
    const layout = await emptied('layout');
    await sh(`tar -xf saved.tar -C ${layout}`);
    expect((await umociTree(layout, '2')).split('\n')).toEqual(tree.split('\n'));
    await sh(`${podman} load -i saved.tar`);
    expect((await podmanTree(image)).split('\n')).toEqual(tree.split('\n'));
    await theirs('load -i saved.tar');
    expect(await layersIn(theirs, image)).toEqual(layers);
    expect((await treeIn(theirs, image)).split('\n')).toEqual(tree.split('\n'));
    await theirs(`rmi ${image}`);
  });
});

describe('we read, byte for byte, what is written by', () => {
  /** Loaded and pulled, it has these layers and files. */
  async function expectSame(archive: string, image: string, wanted: { layers: string[]; tree: string }): Promise<void> {
    const read: [string, string][] = [
      ['load', `load -i ${archive}`],
      ['pull', `pull ${image}`],
    ];
    for (const [way, line] of read) {
      await ours(line);
      expect(await layersIn(ours, image), way).toEqual(wanted.layers);
      expect((await treeIn(ours, image)).split('\n'), way).toEqual(wanted.tree.split('\n'));
      await ours(`rmi ${image}`);
    }
  }

  test('buildah', { timeout: 240_000 }, async () => {
    const image = `${registry}/buildah:1`;
    const container = await sh(`${buildah} from docker-archive:oddity.tar`);
    await writeFile(join(directory, 'added'), 'added by buildah');
    await sh(`${buildah} copy --chown 5:6 --chmod 640 ${container} added /odd/added`);
    const mounted = await sh(`${buildah} mount ${container}`);
    await sh(`rm -r ${mounted}/odd/opaque ${mounted}/odd/setuid && touch -d @5 ${mounted}/odd`);
    await sh(`${buildah} config --cmd 'cat /odd/added' ${container}`);
    await sh(`${buildah} commit ${container} built && ${buildah} push --tls-verify=false built docker://${image}`);
    const layers = await layersOf(`docker://${image}`);
    const tree = await fileTree(mounted);
    for (const kind of ['docker-archive', 'oci-archive']) {
      await sh(`rm -f buildah.tar; ${buildah} push built ${kind}:buildah.tar:${image}`);
      await expectSame('buildah.tar', image, { layers, tree });
    }
    await ours(`pull ${image}`);
    expect(await ours(`run --rm --network none ${image}`)).toBe('added by buildah');
  });

  test('umoci', { timeout: 240_000 }, async () => {
    const image = `${registry}/umoci:1`;
    const layout = await emptied('umoci');
    await sh(`skopeo --insecure-policy copy docker-archive:oddity.tar oci:${layout}:1`);
    await umociTree(layout, '1');
    await sh(
      'cd bundle/rootfs/odd && rm -r was-a-file two && mkdir two && echo added > two/added && chmod 2711 two && chown 7:8 two/added && touch -d @9 two/added two .',
    );
    const tree = await fileTree(join(directory, 'bundle/rootfs'));
    await sh(
      `umoci repack --image ${layout}:2 bundle && umoci config --image ${layout}:2 --config.cmd cat --config.cmd /odd/two/added && umoci gc --layout ${layout}`,
    );
    const layers = await layersOf(`oci:${layout}:2`);
    await sh(`skopeo --insecure-policy copy --dest-tls-verify=false oci:${layout}:2 docker://${image}`);
    await sh(`umoci rm --image ${layout}:1 && umoci tag --image ${layout}:2 ${image} && umoci rm --image ${layout}:2`);
    await sh(`rm -f umoci.tar; tar -cf umoci.tar -C ${layout} .`);
    await expectSame('umoci.tar', image, { layers, tree });
    await ours(`pull ${image}`);
    expect(await ours(`run --rm --network none ${image}`)).toBe('added');
  });

  test('skopeo, with zstd too', { timeout: 240_000 }, async () => {
    const wanted = { layers: await layersIn(ours, 'oddity:1'), tree: await treeIn(ours, 'oddity:1') };
    for (const format of ['gzip', 'zstd']) {
      const image = `${registry}/skopeo-${format}:1`;
      await sh(`rm -f skopeo.tar; skopeo --insecure-policy copy --dest-compress-format ${format} docker-archive:oddity.tar oci-archive:skopeo.tar:${image}`);
      await sh(`skopeo --insecure-policy copy --preserve-digests --dest-tls-verify=false oci-archive:skopeo.tar docker://${image}`);
      expect(await sh(`skopeo inspect --raw --tls-verify=false docker://${image}`)).toContain(`tar+${format}`);
      await expectSame('skopeo.tar', image, wanted);
    }
  });

  test('dockerd and podman, several images in one archive too', { timeout: 240_000 }, async () => {
    await theirs('load -i oddity.tar');
    const id = await theirs('run -d --network none oddity:1 sleep 1000');
    await theirs(`exec ${id} sh -ec '${changes.oddity}'`);
    const [one, two] = [`${registry}/dockerd:1`, `${registry}/dockerd:2`];
    await theirs(`commit ${id} ${two}`);
    await theirs(`rm -f ${id}`);
    await theirs(`tag oddity:1 ${one}`);
    await theirs(`save -o dockerd.tar ${one} ${two}`);
    for (const image of [one, two]) await theirs(`push ${image}`);
    await sh(`${podman} load -i dockerd.tar && rm -f podman.tar && ${podman} save -m --format docker-archive -o podman.tar ${one} ${two}`);
    for (const image of [one, two]) {
      const wanted = { layers: await layersIn(theirs, image), tree: await treeIn(theirs, image) };
      await expectSame('dockerd.tar', image, wanted);
      await expectSame('podman.tar', image, wanted);
    }
  });
});

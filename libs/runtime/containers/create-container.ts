import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readdir, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { readTar, type TarEntry } from '@gantry/oci/tar';
import { conflict, GantryError, invalid, notFound, whileTrying } from '@gantry/platform/errors';
import type { Image } from '@gantry/runtime/images';
import type { ContainerRecord } from './container-record.ts';
import type { ContainerTable } from './container-table.ts';
import type { CreateRequest } from './containers.ts';
import { type LiveContainer, timestamp } from './live-container.ts';
import { makeName } from './names.ts';
import { resolveCapabilities } from './oci/capabilities.ts';
import { parseSecurityOptions } from './oci/oci-config.ts';
import { checkResources, effectiveMemorySwap } from './oci/resources.ts';
import type { ContainerParts } from './parts.ts';
import { resolveMounts } from './resolve-mounts.ts';
import { resolveProcess } from './resolve-process.ts';
import { ContainerSpec, EndpointSpec } from './spec.ts';

function parseSpec(input: CreateRequest['spec']): ContainerSpec {
  const parsed = ContainerSpec.safeParse(input);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`invalid container spec: ${issue?.message ?? 'unknown problem'}`, { field: issue?.path.join('.') ?? '', cause: parsed.error });
}

/** What can be said against a spec without touching anything. */
function check(spec: ContainerSpec): void {
  const host = spec.hostConfig;
  checkResources(host.resources);
  parseSecurityOptions(host.securityOpt);
  resolveCapabilities(host, []);
  if (host.autoRemove && host.restartPolicy.name !== 'no') throw invalid("can't create 'AutoRemove' container with restart policy");
  if (host.restartPolicy.maximumRetryCount > 0 && host.restartPolicy.name !== 'on-failure') {
    throw invalid(`invalid restart policy: maximum retry count can only be used with 'on-failure'`);
  }
  if (host.networkMode.startsWith('container:') && Object.keys(host.portBindings).length > 0) {
    throw invalid('conflicting options: port publishing and the container type network mode');
  }
  if (spec.workingDir !== '' && !spec.workingDir.startsWith('/'))
    throw invalid(`the working directory '${spec.workingDir}' is invalid, it needs to be an absolute path`);
  for (const entry of spec.env) if (entry.startsWith('=') || entry === '') throw invalid(`invalid environment variable: ${entry}`);
  for (const port of [...Object.keys(host.portBindings), ...spec.exposedPorts]) {
    if (!/^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(port)) throw invalid(`invalid port specification: ${JSON.stringify(port)}`);
  }
  if (!['', 'json-file', 'local', 'none'].includes(host.logConfig.type)) throw invalid(`logger: no log driver named '${host.logConfig.type}' is registered`);
}

function warningsOf(spec: ContainerSpec): string[] {
  const { resources } = spec.hostConfig;
  const warnings: string[] = [];
  if (effectiveMemorySwap(resources) > 0 && resources.memorySwappiness === 0) warnings.push('Swappiness 0 with a swap limit: the swap will not be used.');
  return warnings;
}

/** A directory's own entry comes first in its archive. */
async function firstEntry(tar: Readable): Promise<TarEntry | null> {
  for await (const entry of readTar(tar)) return entry;
  return null;
}

export function createCreator(parts: ContainerParts, table: ContainerTable) {
  const { images, snapshots, networks, volumes, executor } = parts;

  function findImage(spec: ContainerSpec): Image {
    const image = images.find(spec.image);
    if (image !== undefined) return image;
    throw notFound(`No such image: ${/[@:]/.test(spec.image.slice(spec.image.lastIndexOf('/') + 1)) ? spec.image : `${spec.image}:latest`}`);
  }

  /** The network of networkMode first, then the others asked for. */
  function resolveNetworks(spec: ContainerSpec): ContainerRecord['networks'] {
    const mode = spec.networkDisabled ? 'none' : spec.hostConfig.networkMode;
    if (mode.startsWith('container:')) return {};
    const main = networks.get(mode === '' || mode === 'default' ? 'bridge' : mode);
    const resolved: ContainerRecord['networks'] = {};
    const add = (reference: string, endpoint: EndpointSpec | undefined) => {
      const network = networks.get(reference);
      if (network.isPredefined && endpoint !== undefined && endpoint.aliases.length > 0) {
        throw invalid('network-scoped alias is supported only for containers in user defined networks');
      }
      if (network.isPredefined && endpoint !== undefined && (endpoint.ipv4 !== null || endpoint.ipv6 !== null)) {
        throw invalid('user specified IP address is supported on user defined networks only');
      }
      resolved[network.name] = { networkId: network.id, spec: endpoint ?? EndpointSpec.parse({}), interfaceName: '' };
    };
    const given = Object.entries(spec.endpoints).map(([reference, endpoint]) => ({
      network: networks.get(reference === 'default' ? 'bridge' : reference),
      endpoint,
    }));
    add(main.id, given.find(({ network }) => network.id === main.id)?.endpoint);
    for (const { network, endpoint } of given) if (network.id !== main.id) add(network.id, endpoint);
    return resolved;
  }

  function chooseName(asked: string | undefined): string {
    if (asked !== undefined && asked !== '') {
      const name = asked.startsWith('/') ? asked.slice(1) : asked;
      table.checkName(name);
      return name;
    }
    for (let attempt = 0; ; attempt++) {
      const name = makeName(Math.random, attempt);
      if (table.find(name) === undefined) return name;
    }
  }

  /** What the image holds at a volume's target, if the volume is still empty. Written through an overlay whose upper directory is the volume. */
  async function copyUp(chainId: string | null, volumeName: string, target: string): Promise<void> {
    const { mountpoint } = volumes.get(volumeName);
    await volumes.mount(volumeName, 'copy-up');
    if ((await readdir(mountpoint)).length > 0) return;
    const image = await snapshots.view(chainId);
    const work = `${mountpoint}.work`;
    try {
      const stat = await executor.call('path.stat', { rootfs: { overlay: image }, path: target });
      if ((stat.mode & 0o170000) !== 0o040000) return;
      const root = await firstEntry((await executor.readArchive({ rootfs: { overlay: image }, path: target })).tar);
      await mkdir(work, { recursive: true, mode: 0o700 });
      const { tar } = await executor.readArchive({ rootfs: { overlay: image }, path: `${target}/.` });
      const empty = (await snapshots.view(null)).lowerDirs;
      await executor.writeArchive(tar, {
        rootfs: { overlay: { lowerDirs: empty, upperDir: mountpoint, workDir: work } },
        path: '/',
        noOverwriteDirNonDir: false,
        keepOwner: true,
      });
      if (root === null) return;
      await chown(mountpoint, root.uid, root.gid);
      await chmod(mountpoint, root.mode);
    } catch (error) {
      if (!(error instanceof GantryError && error.code === 'not-found')) throw whileTrying(`copy ${target} of the image to volume ${volumeName}`, error);
    } finally {
      await rm(work, { recursive: true, force: true });
      await volumes.unmount(volumeName, 'copy-up');
    }
  }

  return async ({ name: askedName, spec: input, id: askedId }: CreateRequest): Promise<{ live: LiveContainer; warnings: string[] }> => {
    const spec = parseSpec(input);
    check(spec);
    const image = findImage(spec);
    const id = askedId ?? randomBytes(32).toString('hex');
    if (!/^[0-9a-f]{64}$/.test(id)) throw invalid(`container id ${JSON.stringify(id)} is not 64 hexadecimal digits`);
    if (table.list().some((live) => live.id === id)) throw conflict(`container ${id} exists already`);
    const name = chooseName(askedName);
    const process = resolveProcess(spec, image.config.config, { stopTimeoutSeconds: parts.settings.defaultStopTimeoutSeconds });
    const wanted = resolveNetworks(spec);
    const { mounts, copyUp: copies } = await resolveMounts({
      spec,
      declaredVolumes: process.volumes,
      volumes,
      images: parts.images,
      getContainer: (reference) => table.get(reference),
    });
    try {
      for (const { volume, target } of copies) await copyUp(image.chainId, volume, target);
      await mkdir(table.directory(id), { recursive: true, mode: 0o710 });
      await snapshots.prepare(id, image.chainId);
      const live = table.add({
        id,
        // A name that nobody asked for may have been taken meanwhile.
        name: (askedName ?? '') === '' ? chooseName(undefined) : name,
        spec,
        process,
        imageId: image.id,
        chainId: image.chainId,
        createdAt: timestamp(),
        status: 'created',
        exitCode: 0,
        oomKilled: false,
        error: '',
        startedAt: null,
        finishedAt: null,
        restartCount: 0,
        wasStopped: false,
        mounts,
        networks: wanted,
      });
      table.emit(live, 'create');
      return { live, warnings: warningsOf(spec) };
    } catch (cause) {
      if (snapshots.keys().includes(id)) await snapshots.remove(id);
      await rm(table.directory(id), { recursive: true, force: true });
      throw cause instanceof GantryError && cause.kind === 'user' ? cause : whileTrying(`create container ${name}`, cause);
    }
  };
}

import { wrongState } from '@gantry/platform/errors';
import type { ComposedLayer, Image, ImageConfig, ImageProcessConfig } from '@gantry/runtime/images';
import type { CommitRequest } from './containers.ts';
import type { LiveContainer } from './live-container.ts';
import type { ContainerParts } from './parts.ts';

/** What an image made of this container says of itself: what runs now, and what was asked for besides. */
function toConfig(live: LiveContainer, base: ImageProcessConfig, over: ImageProcessConfig | undefined): ImageProcessConfig {
  const { process, spec } = live.record;
  return {
    ...base,
    User: process.user,
    Env: process.env,
    Entrypoint: process.entrypoint.length === 0 ? null : process.entrypoint,
    Cmd: process.cmd.length === 0 ? null : process.cmd,
    WorkingDir: process.workingDir,
    Labels: process.labels,
    ...(process.exposedPorts.length === 0 ? {} : { ExposedPorts: Object.fromEntries(process.exposedPorts.map((port) => [port, {}])) }),
    ...(process.volumes.length === 0 ? {} : { Volumes: Object.fromEntries(process.volumes.map((path) => [path, {}])) }),
    ...(spec.stopSignal === '' ? {} : { StopSignal: spec.stopSignal }),
    ...over,
  };
}

/** The container's writable layer on top of its image's becomes an image. */
export async function commitContainer(parts: ContainerParts, live: LiveContainer, request: CommitRequest): Promise<Image> {
  const { executor, images, snapshots } = parts;
  if (live.record.status === 'removing' || live.record.status === 'dead') throw wrongState(`container ${live.record.name} is being removed`);
  const base = images.find(live.record.imageId);
  if (base === undefined) throw wrongState(`the image ${live.record.imageId} of container ${live.record.name} is gone: export the container instead`);
  const isPaused = live.record.status === 'running' && (request.pause ?? true);
  return images.assemble(async () => {
    if (isPaused) await executor.call('container.pause', { containerId: live.id });
    const diff = await snapshots.diff(live.id).finally(() => (isPaused ? executor.call('container.resume', { containerId: live.id }) : undefined));
    const created = new Date().toISOString();
    const layer: ComposedLayer = { digest: diff.blobDigest, mediaType: diff.mediaType, sizeBytes: diff.blobBytes, diffId: diff.diffId };
    const config: ImageConfig = {
      architecture: base.config.architecture,
      ...(base.config.variant == null ? {} : { variant: base.config.variant }),
      author: request.author ?? base.config.author ?? '',
      config: toConfig(live, base.config.config, request.config),
      created,
      history: [
        ...base.config.history,
        {
          created,
          created_by: live.record.process.args.join(' '),
          comment: request.comment ?? '',
          ...(request.author === undefined ? {} : { author: request.author }),
        },
      ],
      os: base.config.os,
      rootfs: { type: 'layers', diff_ids: [...base.layers.map((below) => below.diffId), diff.diffId] },
    };
    return images.compose({ config, layers: [...base.layers, layer], references: request.reference === null ? [] : [request.reference] });
  });
}

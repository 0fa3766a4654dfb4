import { zeroTime } from '@gantry/engine-api/protocol';
import { familiarReference } from '@gantry/oci/reference';
import type { Image } from '@gantry/runtime/images';

export function familiarTags(image: Image): string[] {
  return image.references.filter((reference) => !reference.includes('@')).map(familiarReference);
}

export function familiarDigests(image: Image): string[] {
  return image.repoDigests.map(familiarReference);
}

/** An image's config the way Docker prints it: fields that are not set are left out or null, as its Go structs do. */
function fromConfig(config: Image['config']['config']): Record<string, unknown> {
  return {
    ...(config.ExposedPorts ? { ExposedPorts: config.ExposedPorts } : {}),
    User: config.User ?? '',
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck ? { Healthcheck: config.Healthcheck } : {}),
    ...(config.ArgsEscaped ? { ArgsEscaped: true } : {}),
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.StopSignal ? { StopSignal: config.StopSignal } : {}),
    ...(config.Shell ? { Shell: config.Shell } : {}),
  };
}

export function toImageInspect(image: Image): Record<string, unknown> {
  const { config } = image;
  return {
    Id: image.id,
    RepoTags: familiarTags(image),
    RepoDigests: familiarDigests(image),
    Parent: '',
    Comment: config.history.at(-1)?.comment ?? '',
    Created: image.createdAt ?? zeroTime,
    DockerVersion: '',
    Author: config.author ?? '',
    Config: fromConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    Size: image.sizeBytes,
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: 'layers', ...(image.layers.length > 0 ? { Layers: image.layers.map((layer) => layer.diffId) } : {}) },
    Metadata: { LastTagTime: image.taggedAt ?? zeroTime },
  };
}

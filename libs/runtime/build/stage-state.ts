import { chainIds, digestOf } from '@gantry/oci/digest';
import { hostPlatform } from '@gantry/oci/manifest';
import type { ComposedLayer, Image, ImageConfig, ImageProcessConfig } from '@gantry/runtime/images';

/** An image in the making: a value; every step returns the next one. */
export interface StageState {
  /** Names the state by all that led to it. */
  readonly key: string;
  readonly architecture: string;
  readonly os: string;
  readonly variant: string | null;
  readonly author: string | null;
  readonly config: ImageProcessConfig;
  readonly layers: readonly ComposedLayer[];
  readonly history: ImageConfig['history'];
}

export function scratch(): StageState {
  const { os, architecture } = hostPlatform();
  return { key: 'scratch', architecture, os, variant: null, author: null, config: {}, layers: [], history: [] };
}

export function fromImage(image: Image): StageState {
  const { config } = image;
  return {
    key: image.id,
    architecture: config.architecture,
    os: config.os,
    variant: config.variant ?? null,
    author: config.author ?? null,
    config: config.config,
    layers: image.layers.map(({ digest, mediaType, sizeBytes, diffId }) => ({ digest, mediaType, sizeBytes, diffId })),
    history: config.history,
  };
}

export function topChainId(state: StageState): string | null {
  return chainIds(state.layers.map((layer) => layer.diffId)).at(-1) ?? null;
}

export function toImageConfig(state: StageState): ImageConfig {
  return {
    created: state.history.at(-1)?.created ?? new Date(0).toISOString(),
    ...(state.author === null ? {} : { author: state.author }),
    architecture: state.architecture,
    os: state.os,
    ...(state.variant === null ? {} : { variant: state.variant }),
    config: state.config,
    rootfs: { type: 'layers', diff_ids: state.layers.map((layer) => layer.diffId) },
    history: state.history,
  };
}

/** The id the state would have as an image: what Docker prints after each step. */
export function stateId(state: StageState): string {
  return digestOf(Buffer.from(JSON.stringify(toImageConfig(state))));
}

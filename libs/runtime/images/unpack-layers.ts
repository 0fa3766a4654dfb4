import type { Descriptor } from '@gantry/oci/manifest';
import { Coalescer, orCancelled, Semaphore } from '@gantry/platform/concurrency';
import { hasCode, operational } from '@gantry/platform/errors';
import type { ContentStore } from '@gantry/runtime/content';
import type { LayerDraft, Snapshotter, UnpackedLayer } from '@gantry/runtime/snapshots';

export interface PlacedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: string;
  readonly chainId: string;
  readonly parent: string | null;
}

export interface UnpackLayersRequest {
  /** Bottom first. */
  readonly layers: readonly PlacedLayer[];
  /** Where a layer's bytes come from; from the content store when not given. */
  readonly receive?: (layer: PlacedLayer, signal: AbortSignal) => Promise<LayerDraft>;
  readonly onCommitted?: (layer: PlacedLayer) => void;
  readonly signal?: AbortSignal;
}

export type LayerUnpacker = (request: UnpackLayersRequest) => Promise<UnpackedLayer[]>;

/** Layers of one image that are received at once: more than two processors have work for, since a registry is slower than they are. */
const parallelLayers = 4;

/**
 * Unpacks an image's layers, several at once, and commits them from the bottom up. Who asks for a layer that somebody else is unpacking waits for that;
 * when the other one gives up, it goes on by itself. The first failure ends the others, and is thrown when nothing is under way any more.
 */
export function createLayerUnpacker({ content, snapshots }: { content: ContentStore; snapshots: Snapshotter }): LayerUnpacker {
  const unpacking = new Coalescer<UnpackedLayer>();

  const fromContent = ({ descriptor, diffId }: PlacedLayer, signal: AbortSignal) =>
    snapshots.receive({ source: content.path(descriptor.digest), digest: descriptor.digest, diffId, keep: null }, { signal });

  return async ({ layers, receive = fromContent, onCommitted, signal }) => {
    const giveUp = new AbortController();
    const signals = signal === undefined ? giveUp.signal : AbortSignal.any([signal, giveUp.signal]);
    const slots = new Semaphore(parallelLayers);

    const givenUp = (layer: PlacedLayer, cause?: unknown) => operational('cancelled', `unpacking of ${layer.descriptor.digest} was given up`, { cause });

    async function make(layer: PlacedLayer, below: Promise<unknown>): Promise<UnpackedLayer> {
      const draft = await slots.run(async () => {
        if (signals.aborted) throw givenUp(layer);
        return receive(layer, signals);
      });
      try {
        await below;
      } catch (cause) {
        // That failure is told by the layer below; for others who wait for this one it is no reason to fail too.
        draft.discard();
        throw givenUp(layer, cause);
      }
      return draft.commit(layer);
    }

    async function makeOrGiveUp(layer: PlacedLayer, below: Promise<unknown>): Promise<UnpackedLayer> {
      try {
        return await make(layer, below);
      } catch (error) {
        throw signals.aborted ? givenUp(layer, error) : error;
      }
    }

    async function ensure(layer: PlacedLayer, below: Promise<unknown>): Promise<UnpackedLayer> {
      while (true) {
        if (snapshots.has(layer.chainId)) return { chainId: layer.chainId, diffId: layer.diffId, sizeBytes: snapshots.layerSize(layer.chainId) };
        try {
          const unpacked = await orCancelled(
            unpacking.run(layer.chainId, () => makeOrGiveUp(layer, below)),
            signals,
            `unpacking of ${layer.descriptor.digest}`,
          );
          onCommitted?.(layer);
          return unpacked;
        } catch (error) {
          if (!hasCode(error, 'cancelled') || signals.aborted) throw error;
        }
      }
    }

    let below: Promise<unknown> = Promise.resolve();
    const started = layers.map((layer) => {
      const ensured = ensure(layer, below);
      ensured.catch(() => giveUp.abort());
      below = ensured;
      return ensured;
    });
    const settled = await Promise.allSettled(started);
    const failure = settled.find((result) => result.status === 'rejected' && !hasCode(result.reason, 'cancelled')) ?? settled.find(isRejected);
    if (failure !== undefined && isRejected(failure)) {
      // What was made is kept: a second attempt then has less to do. What counts is the failure before.
      await snapshots.flush().catch(() => undefined);
      throw failure.reason;
    }
    await snapshots.flush();
    return Promise.all(started);
  };
}

function isRejected(result: PromiseSettledResult<unknown>): result is PromiseRejectedResult {
  return result.status === 'rejected';
}

import type { Exchange } from '@gantry/engine-api/http';
import { EngineError } from '@gantry/engine-api/protocol';
import { shapeContainerSummary, shapeImageSummary } from '@gantry/engine-api/shapes';
import { toSummary } from '../containers/list.ts';
import type { Engine } from '../engine.ts';
import { toImageSummary } from '../images/list.ts';
import { toVolumeInspect, volumeUsers } from '../volumes/endpoints.ts';

const kinds = ['container', 'image', 'volume', 'build-cache'];

/** GET /system/df; from 1.42 on `type` leaves out what is slow to count and not wanted. */
export async function diskUsage(engine: Engine, exchange: Exchange): Promise<void> {
  const asked = exchange.version.isAtLeast(42) ? exchange.query.getAll('type') : [];
  for (const kind of asked) if (!kinds.includes(kind)) throw new EngineError(400, `unknown object type: ${kind}`);
  const wants = (kind: string) => asked.length === 0 || asked.includes(kind);
  const { runtime } = engine;
  const now = Date.now();
  const images = wants('image') ? runtime.images.list() : [];
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.chainId, layer.sizeBytes])));
  const containers = wants('container')
    ? await Promise.all(
        runtime.containers.list().map(async (container) => {
          const rw = await runtime.containers.usage(container.id);
          const root = runtime.images.find(container.imageId)?.sizeBytes ?? 0;
          return shapeContainerSummary(exchange.version, { ...toSummary(engine, container, now), SizeRw: rw, SizeRootFs: root + rw });
        }),
      )
    : null;
  const volumes = wants('volume')
    ? await Promise.all(
        runtime.volumes.list().map(async (volume) => ({
          ...toVolumeInspect(volume),
          UsageData: { Size: await runtime.volumes.usage(volume.name), RefCount: volumeUsers(engine, volume).length },
        })),
      )
    : null;
  exchange.sendJson(200, {
    LayersSize: [...layers.values()].reduce((sum, size) => sum + size, 0),
    Images: wants('image') ? images.map((image) => ({ ...shapeImageSummary(exchange.version, toImageSummary(engine, image)), SharedSize: 0 })) : null,
    Containers: containers,
    Volumes: volumes,
    BuildCache: wants('build-cache') ? [] : null,
    BuilderSize: 0,
  });
}

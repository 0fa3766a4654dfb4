export { diskUsage } from './disk-usage.ts';
export { openOverlaySnapshotter } from './overlay-snapshotter.ts';
export type { LayerSource, Snapshotter, UnpackedLayer } from './snapshotter.ts';

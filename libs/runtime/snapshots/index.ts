export { diskUsage } from './disk-usage.ts';
export { openOverlaySnapshotter } from './overlay-snapshotter.ts';
export type { LayerBytes, LayerDraft, LayerSource, Snapshotter, UnpackedLayer } from './snapshotter.ts';

export type { LayerSource, Snapshotter, UnpackedLayer } from './snapshotter.ts';

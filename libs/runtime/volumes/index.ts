export { openVolumeStore, type VolumeStoreOptions } from './volume-store.ts';
export type { Volume, VolumeSpec, Volumes } from './volumes.ts';

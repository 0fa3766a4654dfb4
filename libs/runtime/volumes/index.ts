export type { Volume, VolumeSpec, Volumes } from './volumes.ts';

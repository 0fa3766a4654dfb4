export { ImageConfig, ImageHealthcheck, ImageProcessConfig } from './config.ts';
export type {
  ComposedLayer,
  HistoryEntry,
  Image,
  ImageLayer,
  Images,
  LayerProgress,
  LoadedImage,
  PulledImage,
  PullOptions,
  RegistryCredentials,
  RemovedImage,
  TransferOptions,
} from './images.ts';

export { ImageConfig, ImageHealthcheck, ImageProcessConfig } from './config.ts';
export { type ImageStoreOptions, openImageStore } from './image-store.ts';
export type {
  ComposedLayer,
  HistoryEntry,
  Image,
  ImageLayer,
  Images,
  ImageUser,
  LayerProgress,
  LoadedImage,
  PulledImage,
  PullOptions,
  RegistryCredentials,
  RemovedImage,
  TransferOptions,
} from './images.ts';

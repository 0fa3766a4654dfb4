export {
  acceptedManifests,
  Descriptor,
  ImageIndex,
  ImageManifest,
  maxManifestBytes,
  mediaTypes,
  type ParsedManifest,
  Platform,
  parseManifest,
} from './manifest.ts';
export { choosePlatform, formatPlatform, hostPlatform, isAttestation, isSuitable, parsePlatform } from './platform.ts';

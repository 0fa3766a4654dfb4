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
export { choosePlatform, formatPlatform, hostPlatform, isAttestation, parsePlatform } from './platform.ts';

export type { Credentials } from './authorizer.ts';
export { type BlobUpload, type FetchedManifest, openRegistry, type RegistryClient } from './registry-client.ts';
export { isLoopback } from './registry-session.ts';

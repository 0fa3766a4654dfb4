export { openLocalStore } from './local-store.ts';
export type { BlobStat, ContentStore, Draft, Ingest, Lease } from './store.ts';

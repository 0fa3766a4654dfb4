export { openLocalStore } from './local-store.ts';
export type { BlobStat, ContentStore, Ingest, Lease } from './store.ts';

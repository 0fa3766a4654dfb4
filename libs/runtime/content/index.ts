export type { BlobStat, ContentStore, Ingest, Lease } from './store.ts';

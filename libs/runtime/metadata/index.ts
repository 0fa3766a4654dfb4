export type { Collection, MetadataStore, QuarantinedRecord } from './store.ts';

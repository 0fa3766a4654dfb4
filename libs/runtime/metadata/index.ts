export { openSqliteStore } from './sqlite-store.ts';
export type { Collection, MetadataStore, QuarantinedRecord } from './store.ts';

export { openSqliteStore } from './sqlite-store.ts';
export type { Collection, Durability, MetadataStore, QuarantinedRecord } from './store.ts';

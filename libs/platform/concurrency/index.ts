export { Coalescer, forEachLimited, orCancelled } from './coalesce.ts';
export { KeyedQueue } from './keyed-queue.ts';
export { SharedLock } from './shared-lock.ts';

export { Coalescer, forEachLimited, orCancelled } from './coalesce.ts';
export { KeyedQueue } from './keyed-queue.ts';
export { Semaphore } from './semaphore.ts';
export { SharedLock } from './shared-lock.ts';

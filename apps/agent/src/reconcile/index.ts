export { PayloadStore } from './payload-store.ts';
export { Reconciler } from './reconciler.ts';
export { TaskStore } from './task-store.ts';

export type { Executor, PlainOperation, Shim, ShimStream } from './executor.ts';

export type { Executor, PlainOperation, Shim, ShimOutput, ShimStream } from './executor.ts';
export { startExecutor } from './executor-client.ts';

export { openRuntime } from './open-runtime.ts';
export type { Runtime, RuntimeFacts, RuntimeOptions } from './runtime.ts';

export type { Runtime, RuntimeFacts, RuntimeOptions } from './runtime.ts';

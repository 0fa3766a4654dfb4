export type { BuildParts } from './build-parts.ts';
export { type Builder, type BuildRequest, openBuilder } from './builder.ts';
export { applyInstructions } from './config-instructions.ts';
export { RunFailed, type RunSettings } from './run-step.ts';

export { checkServiceSpec, type SpecFault } from './check-spec.ts';
export { checkDependencies, type Dependency, type DependencyStatus, explainWaiting } from './dependencies.ts';
export { planService } from './plan-service.ts';
export type { Action, Step, StepArguments, StepOf, UpdateStatus } from './step.ts';
export { canMoveTask, hasFailed, isTerminal, type TaskStatus } from './task.ts';
export { type CountedPlaces, type DesiredState, nothingCounted, type ObservedTask, type ServiceWorld } from './world.ts';

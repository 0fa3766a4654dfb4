export { type AppliedAssignments, applyAssignments, type HeldAssignments } from './assignments.ts';
export { type IngressPublication, type IngressTarget, planIngress } from './plan-ingress.ts';
export { type Isolation, type ObservedContainer, planTask, type TaskSituation } from './plan-task.ts';
export type { Step, StepAction, StepArguments, StepOf } from './step.ts';
export { canAdvance, isFinal, type TaskRecord } from './task-record.ts';

export { planJob } from './plan-job.ts';
export { parseSchedule } from './schedule.ts';
export type { JobAction, JobStep, JobStepArguments, JobStepOf } from './step.ts';
export { isJobMode, type JobTask, type JobWorld, type ObservedRun } from './world.ts';

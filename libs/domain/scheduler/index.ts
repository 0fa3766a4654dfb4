export { planRebalance } from './rebalance.ts';
export { planSchedule } from './schedule.ts';
export type { CandidateNode, PendingGroup, PendingTask, Placement, SchedulePlan, Unplaced } from './world.ts';

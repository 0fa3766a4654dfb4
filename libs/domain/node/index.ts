export { type Constraint, type ConstraintSubject, parseConstraint, satisfies } from './constraint.ts';
export { missedHeartbeats, planHeartbeatMs } from './liveness.ts';

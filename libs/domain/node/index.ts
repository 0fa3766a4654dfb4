export { type Constraint, type ConstraintSubject, parseConstraint, parsePreference, satisfies } from './constraint.ts';
export { missedHeartbeats, planHeartbeatMs } from './liveness.ts';

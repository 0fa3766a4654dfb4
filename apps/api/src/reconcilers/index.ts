import { JobReconciler } from './job.reconciler.ts';
import { NodeReconciler } from './node.reconciler.ts';
import { RebalanceReconciler } from './rebalance.reconciler.ts';
import { ScheduleReconciler } from './schedule.reconciler.ts';
import { ServiceReconciler } from './service.reconciler.ts';
import { StackReconciler } from './stack.reconciler.ts';
import { TaskReaper } from './task-reaper.ts';

/** Every loop of the control plane that is driven by the queue. NodeWatch runs beside them, on each replica. */
export const reconcilers = [ServiceReconciler, JobReconciler, ScheduleReconciler, RebalanceReconciler, NodeReconciler, StackReconciler, TaskReaper] as const;

/** Injection token of their instances. */
export const RECONCILERS = Symbol('reconcilers');

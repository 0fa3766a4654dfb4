import { isTerminal } from '../service/index.ts';
import { endTasks, planRun } from './plan-run.ts';
import { parseSchedule } from './schedule.ts';
import type { JobStep, JobStepOf } from './step.ts';
import type { JobTask, JobWorld, ObservedRun } from './world.ts';

/** Of one cron service with concurrency `allow`: a job that is slower than its schedule must not fill the cluster. */
export const mostRunsAtOnce = 10;

type CronMode = Extract<JobWorld['mode'], { type: 'cron' }>;

function isActive(run: ObservedRun): boolean {
  return run.state === 'running';
}

function cancel(world: JobWorld, runs: readonly ObservedRun[], message: string): JobStep[] {
  return runs.flatMap((run) => [
    ...endTasks(
      world.tasks.filter((task) => task.run === run.number),
      message,
    ),
    { action: 'end-run' as const, run: run.number, state: 'cancelled' as const, message },
  ]);
}

/** What one tick brings: a run, or a line of history that says why not. */
function takeTick(world: JobWorld, mode: CronMode, dueAt: number, active: readonly ObservedRun[]): { steps: JobStep[]; cancelled: readonly ObservedRun[] } {
  const skip = (message: string): { steps: JobStep[]; cancelled: ObservedRun[] } => ({ steps: [{ action: 'skip-run', dueAt, message }], cancelled: [] });
  if (mode.missed === 'skip' && world.now - dueAt > mode.startWithinMs) return skip('it was missed: nobody was there to start it in time');
  if (active.length > 0 && mode.concurrency === 'forbid') return skip(`run ${active[0]?.number} has not ended`);
  if (active.length >= mostRunsAtOnce && mode.concurrency === 'allow') return skip(`${active.length} runs have not ended`);
  const start: JobStep = { action: 'start-run', dueAt };
  if (mode.concurrency !== 'replace') return { steps: [start], cancelled: [] };
  return { steps: [...cancel(world, active, 'the next run took its place'), start], cancelled: active };
}

/** Of several ticks that nobody took, the latest counts: what was missed is not made up for one by one. */
function planTicks(
  world: JobWorld,
  mode: CronMode,
  active: readonly ObservedRun[],
): { steps: JobStep[]; cancelled: readonly ObservedRun[]; nextDueAt: number | null } {
  const dueBy = `${mode.schedule} ${mode.timeZone}`;
  const schedule = parseSchedule(mode.schedule, mode.timeZone);
  if (mode.isSuspended || typeof schedule === 'string') {
    return { steps: world.nextDueAt === null ? [] : [{ action: 'set-due', at: null, dueBy: '' }], cancelled: [], nextDueAt: null };
  }
  const isNew = world.dueBy !== dueBy;
  if (!isNew && (world.nextDueAt === null || world.nextDueAt > world.now)) return { steps: [], cancelled: [], nextDueAt: world.nextDueAt };
  const nextDueAt = schedule.next(world.now);
  const setDue: JobStep = { action: 'set-due', at: nextDueAt, dueBy };
  const tick = isNew ? null : schedule.latest(world.now);
  if (tick === null || world.nextDueAt === null) return { steps: [setDue], cancelled: [], nextDueAt };
  const taken = takeTick(world, mode, Math.max(tick, world.nextDueAt), active);
  return { steps: [...taken.steps, setDue], cancelled: taken.cancelled, nextDueAt };
}

/** A job runs once for each spec of its tasks; a newer one cancels the run of an older. */
function planOnce(world: JobWorld, active: readonly ObservedRun[]): { steps: JobStep[]; cancelled: readonly ObservedRun[] } {
  if (world.runs.some((run) => run.revision >= world.taskRevision)) return { steps: [], cancelled: [] };
  return { steps: [...cancel(world, active, 'a newer spec took its place'), { action: 'start-run', dueAt: null }], cancelled: active };
}

/** Ended runs beyond the history: their tasks go first, with what nodes have of them. */
function planHistory(world: JobWorld, byRun: ReadonlyMap<number, readonly JobTask[]>): JobStep[] {
  const ended = world.runs.filter((run) => !isActive(run)).sort((a, b) => b.number - a.number);
  return ended.slice(world.mode.historyLimit).flatMap((run): JobStep[] => {
    const tasks = byRun.get(run.number) ?? [];
    if (tasks.length === 0) return [{ action: 'forget-run', run: run.number }];
    return tasks.flatMap((task): JobStep[] => {
      const { taskId, desiredState } = task;
      const isGone = task.node === 'none' || task.node === 'lost' || isTerminal(task.state);
      if (desiredState !== 'remove') return [{ action: 'remove-task', taskId }];
      return isGone ? [{ action: 'delete-task', taskId }] : [];
    });
  });
}

function describe(world: JobWorld, active: readonly ObservedRun[], nextDueAt: number | null): string {
  const latest = world.runs.reduce<ObservedRun | null>((last, run) => (last === null || run.number > last.number ? run : last), null);
  const said = active.map((run) => `run ${run.number}: ${run.succeeded} of ${world.mode.completions} done`);
  if (active.length === 0 && latest !== null) said.push(`run ${latest.number} ${latest.state}${latest.message === '' ? '' : `: ${latest.message}`}`);
  if (world.mode.type === 'cron') said.push(nextDueAt === null ? 'suspended' : `next at ${new Date(nextDueAt).toISOString()}`);
  return said.join('; ');
}

function toStatus(world: JobWorld, active: readonly ObservedRun[], wanted: number, nextDueAt: number | null): JobStepOf<'set-status'> {
  const live = world.tasks.filter((task) => task.desiredState === 'running' && !isTerminal(task.state));
  const pending = live.find((task) => task.state === 'pending' && task.message !== '');
  const state = active.length > 0 ? 'updating' : 'converged';
  const message = pending === undefined ? describe(world, active, nextDueAt) : `a task is pending: ${pending.message}`;
  return {
    action: 'set-status',
    desiredTasks: wanted,
    runningTasks: live.filter((task) => task.state === 'running').length,
    state: pending === undefined ? state : 'pending',
    message,
    update: null,
  };
}

/** All that has to be done now about a job or cron service. Pure, and idempotent as planService is. */
export function planJob(world: JobWorld): JobStep[] {
  const byRun = Map.groupBy(world.tasks, (task) => task.run);
  const active = world.runs.filter(isActive);
  const begun = world.mode.type === 'cron' ? planTicks(world, world.mode, active) : { ...planOnce(world, active), nextDueAt: null };
  const going = active.filter((run) => !begun.cancelled.includes(run));
  const plans = going.map((run) => planRun(world, run, byRun.get(run.number) ?? []));
  // a run that a person cancelled still has its tasks
  const over = world.runs
    .filter((run) => !isActive(run))
    .flatMap((run) => endTasks(byRun.get(run.number) ?? [], run.state === 'complete' ? 'ended' : 'its run is over'));
  const steps = [...begun.steps, ...plans.flatMap((plan) => plan.steps), ...over, ...planHistory(world, byRun)];
  const wakes = [...steps.flatMap((step) => (step.action === 'wake-at' ? [step.at] : [])), ...(begun.nextDueAt === null ? [] : [begun.nextDueAt])];
  const wanted = plans.reduce((sum, plan) => sum + plan.wanted, 0);
  return [
    ...steps.filter((step) => step.action !== 'wake-at'),
    ...(wakes.length === 0 ? [] : [{ action: 'wake-at' as const, at: wakes.reduce((least, at) => Math.min(least, at)) }]),
    toStatus(world, going, wanted, begun.nextDueAt),
  ];
}

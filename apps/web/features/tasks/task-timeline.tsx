import type { Task, TaskState } from '@gantry/contracts/http-api';
import { cn } from '@gantry/ui/cn';
import { Check } from 'lucide-react';
import { RelativeTime } from '../../components/relative-time.tsx';
import { type TimelineStep, toTimeline } from './timeline.ts';

export function TaskTimeline({ task }: { task: Task }) {
  const steps = toTimeline(task);
  return (
    <ol aria-label="States of this task" className="flex flex-col sm:flex-row">
      {steps.map((step, index) => (
        <li
          key={step.state}
          aria-current={step.phase === 'current' ? 'step' : undefined}
          className="relative flex flex-1 gap-3 pb-4 last:pb-0 sm:flex-none sm:flex-col sm:gap-2 sm:pb-0 sm:not-last:flex-1"
        >
          <Mark step={step} />
          <Connector next={steps[index + 1]} />
          <div className="text-xs">
            <p className={cn('capitalize', step.phase === 'current' ? 'font-medium text-foreground' : 'text-muted-foreground')}>{step.state}</p>
            {step.at && <RelativeTime at={step.at} className="text-muted-foreground" />}
          </div>
        </li>
      ))}
    </ol>
  );
}

/** Down the side on a phone, else along the top. */
function Connector({ next }: { next: TimelineStep | undefined }) {
  if (!next) return null;
  return (
    <span
      aria-hidden
      className={cn(
        'absolute max-sm:top-5 max-sm:bottom-1 max-sm:left-2 max-sm:w-px sm:top-2 sm:right-2 sm:left-6 sm:h-px',
        next.phase === 'ahead' ? 'bg-border' : 'bg-border-strong',
      )}
    />
  );
}

const phaseTexts: Record<TimelineStep['phase'], string> = { done: 'passed', current: 'now', ahead: 'ahead' };

function Mark({ step }: { step: TimelineStep }) {
  return (
    <span className={cn('grid size-4 shrink-0 place-items-center rounded-full border', markClass(step))}>
      {step.phase === 'done' && <Check aria-hidden className="size-2.5" />}
      <span className="sr-only">{phaseTexts[step.phase]}</span>
    </span>
  );
}

function markClass({ state, phase }: TimelineStep): string {
  if (phase === 'ahead') return '';
  if (phase === 'done') return 'border-border-strong bg-muted text-muted-foreground';
  if (isBad(state)) return 'border-bad bg-bad';
  return state === 'running' ? 'border-good bg-good' : 'border-busy bg-busy';
}

function isBad(state: TaskState): boolean {
  return state === 'failed' || state === 'rejected' || state === 'orphaned';
}

import { cn } from './cn.ts';

interface MeterProps {
  /** Of a capacity, to be nearly full is a warning; of a goal, to be full is the point. */
  of: 'capacity' | 'goal';
  label: string;
  /** 0 to 1 */
  share: number;
  className?: string;
}

export function Meter({ of, label, share, className }: MeterProps) {
  const percent = Math.round(Math.min(1, Math.max(0, share)) * 100);
  return (
    // biome-ignore lint/a11y/useSemanticElements: browsers let nobody style <meter>
    <div
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      className={cn('h-1.5 overflow-hidden rounded-full bg-idle-soft', className)}
    >
      <div className={cn('h-full rounded-full transition-[width]', barClass(of, percent))} style={{ width: `${percent}%` }} />
    </div>
  );
}

function barClass(of: MeterProps['of'], percent: number): string {
  if (of === 'goal') return percent === 100 ? 'bg-good' : 'bg-busy';
  return percent >= 90 ? 'bg-warn' : 'bg-busy';
}

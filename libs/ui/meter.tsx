import { cn } from './cn.ts';

interface MeterProps {
  label: string;
  /** 0 to 1 */
  share: number;
  className?: string;
}

export function Meter({ label, share, className }: MeterProps) {
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
      <div className={cn('h-full rounded-full transition-[width]', percent >= 90 ? 'bg-warn' : 'bg-busy')} style={{ width: `${percent}%` }} />
    </div>
  );
}

import { cva, type VariantProps } from 'class-variance-authority';
import type { ComponentProps } from 'react';
import { cn } from './cn.ts';

const badgeVariants = cva('inline-flex h-5 items-center gap-1.5 whitespace-nowrap rounded-full px-2 font-medium text-2xs', {
  variants: {
    tone: {
      good: 'bg-good-soft text-good-soft-foreground',
      busy: 'bg-busy-soft text-busy-soft-foreground',
      warn: 'bg-warn-soft text-warn-soft-foreground',
      bad: 'bg-bad-soft text-bad-soft-foreground',
      idle: 'bg-idle-soft text-idle-soft-foreground',
    },
  },
  defaultVariants: { tone: 'idle' },
});

const dotVariants = cva('size-1.5 shrink-0 rounded-full', {
  variants: {
    tone: { good: 'bg-good', busy: 'animate-pulse bg-busy', warn: 'bg-warn', bad: 'bg-bad', idle: 'bg-idle' },
  },
  defaultVariants: { tone: 'idle' },
});

export type Tone = NonNullable<VariantProps<typeof badgeVariants>['tone']>;

export function Badge({ tone, className, ...props }: ComponentProps<'span'> & { tone?: Tone }) {
  return <span {...props} data-tone={tone} className={cn(badgeVariants({ tone }), className)} />;
}

export function StatusDot({ tone, className }: { tone?: Tone; className?: string }) {
  return <span aria-hidden className={cn(dotVariants({ tone }), className)} />;
}

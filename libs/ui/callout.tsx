import { cva, type VariantProps } from 'class-variance-authority';
import { CircleAlert, Info, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

const calloutVariants = cva('flex gap-2.5 rounded-md px-3 py-2.5 text-sm [&>svg]:mt-0.5 [&>svg]:size-4 [&>svg]:shrink-0', {
  variants: {
    tone: {
      busy: 'bg-busy-soft text-busy-soft-foreground',
      warn: 'bg-warn-soft text-warn-soft-foreground',
      bad: 'bg-bad-soft text-bad-soft-foreground',
    },
  },
});

const icons = { busy: Info, warn: TriangleAlert, bad: CircleAlert } as const;

interface CalloutProps {
  tone: NonNullable<VariantProps<typeof calloutVariants>['tone']>;
  children: ReactNode;
  actions?: ReactNode;
}

export function Callout({ tone, children, actions }: CalloutProps) {
  const Icon = icons[tone];
  return (
    <div role={tone === 'bad' ? 'alert' : 'status'} className={calloutVariants({ tone })}>
      <Icon aria-hidden />
      <div className="min-w-0 flex-1 break-words first-letter:uppercase">{children}</div>
      {actions}
    </div>
  );
}

import { cva, type VariantProps } from 'class-variance-authority';
import type { ComponentProps } from 'react';
import { cn } from './cn.ts';
import { Spinner } from './spinner.tsx';

export const buttonVariants = cva(
  'inline-flex shrink-0 items-center justify-center gap-1.5 whitespace-nowrap rounded-md font-medium transition-colors select-none aria-disabled:cursor-not-allowed aria-disabled:opacity-50 [&_svg]:size-3.5 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'bg-primary text-primary-foreground hover:not-aria-disabled:bg-primary/85',
        secondary: 'border border-border-strong bg-surface text-surface-foreground hover:not-aria-disabled:bg-muted',
        ghost: 'text-muted-foreground hover:not-aria-disabled:bg-muted hover:not-aria-disabled:text-foreground',
        danger: 'bg-danger text-danger-foreground hover:not-aria-disabled:bg-danger/90',
        'danger-outline':
          'border border-border-strong bg-surface text-bad hover:not-aria-disabled:border-bad hover:not-aria-disabled:bg-bad-soft hover:not-aria-disabled:text-bad-soft-foreground',
      },
      size: {
        sm: 'h-7 px-2.5 text-xs',
        md: 'h-8 px-3 text-sm',
        lg: 'h-10 px-4 text-base',
        'icon-sm': 'size-6',
        icon: 'size-8',
      },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
);

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof buttonVariants> {
  /** Shows a spinner and takes no clicks. */
  isBusy?: boolean;
}

/** `disabled` keeps the button focusable (aria-disabled), so that a tooltip can say why it can not act. */
export function Button({ className, variant, size, isBusy = false, disabled = false, type = 'button', children, onClick, ...props }: ButtonProps) {
  const isInert = disabled || isBusy;
  return (
    <button
      {...props}
      type={isInert && type === 'submit' ? 'button' : type}
      aria-disabled={isInert || undefined}
      aria-busy={isBusy || undefined}
      onClick={isInert ? (event) => event.preventDefault() : onClick}
      className={cn(buttonVariants({ variant, size }), className)}
    >
      {isBusy && <Spinner />}
      {children}
    </button>
  );
}

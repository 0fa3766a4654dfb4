import type { ComponentProps } from 'react';
import { cn } from './cn.ts';

/** Scrolls sideways inside its own region, so that the page never does. */
export function Table({ className, label, ...props }: ComponentProps<'table'> & { label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
    <section aria-label={label} tabIndex={0} className="-outline-offset-2 relative w-full overflow-x-auto">
      <table {...props} aria-label={label} className={cn('w-full border-collapse text-left text-sm', className)} />
    </section>
  );
}

export function TableHead({ className, ...props }: ComponentProps<'thead'>) {
  return <thead {...props} className={cn('bg-muted/60 text-muted-foreground text-xs', className)} />;
}

export function TableRow({ className, ...props }: ComponentProps<'tr'>) {
  return <tr {...props} className={cn('border-b transition-colors last:border-b-0 [tbody_&]:hover:bg-muted/50', className)} />;
}

export function TableHeading({ className, ...props }: ComponentProps<'th'>) {
  return <th scope="col" {...props} className={cn('h-8 whitespace-nowrap px-4 font-medium', className)} />;
}

export function TableCell({ className, ...props }: ComponentProps<'td'>) {
  return <td {...props} className={cn('h-11 px-4 py-1.5 align-middle', className)} />;
}

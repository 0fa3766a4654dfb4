import type { ReactNode } from 'react';
import { cn } from './cn.ts';

export function FactList({ className, children }: { className?: string; children: ReactNode }) {
  return (
    <div className="overflow-hidden">
      <dl className={cn('-mb-px grid grid-cols-1 gap-x-8 sm:grid-cols-2', className)}>{children}</dl>
    </div>
  );
}

export function Fact({ label, children, isWide = false }: { label: string; children: ReactNode; isWide?: boolean }) {
  return (
    <div className={cn('flex min-h-9 items-center gap-3 border-b py-1.5 text-sm', isWide && 'sm:col-span-2')}>
      <dt className="w-32 shrink-0 text-muted-foreground">{label}</dt>
      <dd className="min-w-0 flex-1 break-words">{children}</dd>
    </div>
  );
}

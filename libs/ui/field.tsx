'use client';

import { type ComponentProps, createContext, type ReactNode, useContext, useId } from 'react';
import { cn } from './cn.ts';

interface FieldIds {
  control: string;
  describedBy: string | undefined;
  isInvalid: boolean;
}

const FieldContext = createContext<FieldIds | undefined>(undefined);

interface FieldProps {
  label: ReactNode;
  hint?: ReactNode;
  error?: string | undefined;
  className?: string;
  children: ReactNode;
}

/** Ties a label, a hint and an error to the one control inside it. */
export function Field({ label, hint, error, className, children }: FieldProps) {
  const control = useId();
  const message = `${control}-message`;
  return (
    <FieldContext value={{ control, describedBy: hint || error ? message : undefined, isInvalid: error !== undefined }}>
      <div className={cn('flex flex-col gap-1.5', className)}>
        <label htmlFor={control} className="font-medium text-sm">
          {label}
        </label>
        {children}
        {(hint || error) && (
          <p id={message} role={error ? 'alert' : undefined} className={cn('text-xs', error ? 'text-bad' : 'text-muted-foreground')}>
            {error ?? hint}
          </p>
        )}
      </div>
    </FieldContext>
  );
}

const control =
  'w-full rounded-md border border-border-strong bg-surface px-2.5 text-surface-foreground text-sm placeholder:text-muted-foreground aria-invalid:border-bad disabled:opacity-60 max-sm:text-lg';

function useControl() {
  const ids = useContext(FieldContext);
  if (!ids) return {};
  return { id: ids.control, 'aria-describedby': ids.describedBy, 'aria-invalid': ids.isInvalid || undefined };
}

export function Input({ className, ...props }: ComponentProps<'input'>) {
  return <input {...useControl()} {...props} className={cn(control, 'h-8', className)} />;
}

export function Textarea({ className, ...props }: ComponentProps<'textarea'>) {
  return <textarea {...useControl()} {...props} className={cn(control, 'min-h-20 py-1.5', className)} />;
}

export function Select({ className, ...props }: ComponentProps<'select'>) {
  return <select {...useControl()} {...props} className={cn(control, 'h-8 pr-1', className)} />;
}

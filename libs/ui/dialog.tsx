'use client';

import { X } from 'lucide-react';
import { AlertDialog as RadixAlert, Dialog as RadixDialog } from 'radix-ui';
import type { ReactNode } from 'react';
import { Button } from './button.tsx';
import { cn } from './cn.ts';

const overlay = 'fixed inset-0 z-40 bg-overlay backdrop-blur-[1px]';
const panel =
  'fixed z-50 flex max-h-[calc(100dvh-2rem)] flex-col overflow-hidden border bg-raised text-raised-foreground shadow-raised inset-x-2 bottom-2 rounded-xl sm:inset-x-auto sm:bottom-auto sm:top-1/2 sm:left-1/2 sm:w-full sm:-translate-x-1/2 sm:-translate-y-1/2';

interface DialogProps {
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  footer?: ReactNode;
  size?: 'md' | 'lg';
}

export function Dialog({ isOpen, onOpenChange, title, description, children, footer, size = 'md' }: DialogProps) {
  return (
    <RadixDialog.Root open={isOpen} onOpenChange={onOpenChange}>
      <RadixDialog.Portal>
        <RadixDialog.Overlay className={overlay} />
        <RadixDialog.Content
          {...(description ? {} : { 'aria-describedby': undefined })}
          onOpenAutoFocus={focusFirstField}
          className={cn(panel, size === 'lg' ? 'sm:max-w-2xl' : 'sm:max-w-lg')}
        >
          <header className="flex items-start justify-between gap-4 border-b px-5 py-3.5">
            <div>
              <RadixDialog.Title className="font-semibold text-base">{title}</RadixDialog.Title>
              {description && <RadixDialog.Description className="mt-0.5 text-muted-foreground text-sm">{description}</RadixDialog.Description>}
            </div>
            <RadixDialog.Close asChild>
              <Button variant="ghost" size="icon-sm" aria-label="Close">
                <X aria-hidden />
              </Button>
            </RadixDialog.Close>
          </header>
          <div className="min-h-0 overflow-y-auto px-5 py-4">{children}</div>
          {footer && <footer className="flex flex-wrap justify-end gap-2 border-t bg-muted/40 px-5 py-3">{footer}</footer>}
        </RadixDialog.Content>
      </RadixDialog.Portal>
    </RadixDialog.Root>
  );
}

/** A dialog with fields is opened to type; without any, focus starts as Radix has it. */
function focusFirstField(event: Event) {
  if (!(event.currentTarget instanceof HTMLElement)) return;
  const field = event.currentTarget.querySelector<HTMLElement>('input:not([hidden]), textarea, select');
  if (!field) return;
  event.preventDefault();
  field.focus();
}

interface ConfirmDialogProps {
  isOpen: boolean;
  onOpenChange: (isOpen: boolean) => void;
  title: ReactNode;
  children: ReactNode;
  confirm: ReactNode;
}

/** Asks before something that can not be taken back; focus starts on Cancel. */
export function ConfirmDialog({ isOpen, onOpenChange, title, children, confirm }: ConfirmDialogProps) {
  return (
    <RadixAlert.Root open={isOpen} onOpenChange={onOpenChange}>
      <RadixAlert.Portal>
        <RadixAlert.Overlay className={overlay} />
        <RadixAlert.Content className={cn(panel, 'sm:max-w-lg')}>
          <div className="min-h-0 overflow-y-auto px-5 pt-4 pb-5">
            <RadixAlert.Title className="font-semibold text-base">{title}</RadixAlert.Title>
            <RadixAlert.Description asChild>
              <div className="mt-2 text-muted-foreground text-sm">{children}</div>
            </RadixAlert.Description>
          </div>
          <footer className="flex flex-wrap justify-end gap-2 border-t bg-muted/40 px-5 py-3">
            <RadixAlert.Cancel asChild>
              <Button>Cancel</Button>
            </RadixAlert.Cancel>
            {confirm}
          </footer>
        </RadixAlert.Content>
      </RadixAlert.Portal>
    </RadixAlert.Root>
  );
}

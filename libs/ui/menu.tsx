'use client';

import { DropdownMenu } from 'radix-ui';
import type { ComponentProps, ReactNode } from 'react';
import { cn } from './cn.ts';

interface MenuProps {
  trigger: ReactNode;
  children: ReactNode;
  align?: 'start' | 'end';
  side?: 'top' | 'bottom';
}

export function Menu({ trigger, children, align = 'end', side = 'bottom' }: MenuProps) {
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          side={side}
          sideOffset={6}
          className="z-50 min-w-44 rounded-lg border bg-raised p-1 text-raised-foreground text-sm shadow-raised"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

export function MenuItem({ className, tone, ...props }: ComponentProps<typeof DropdownMenu.Item> & { tone?: 'bad' }) {
  return (
    <DropdownMenu.Item
      {...props}
      className={cn(
        'flex cursor-pointer items-center gap-2 rounded-md px-2 py-1.5 outline-none data-disabled:cursor-not-allowed data-highlighted:bg-muted data-disabled:opacity-50 [&_svg]:size-3.5 [&_svg]:text-muted-foreground',
        tone === 'bad' && 'text-bad data-highlighted:bg-bad-soft data-highlighted:text-bad-soft-foreground [&_svg]:text-current',
        className,
      )}
    />
  );
}

export function MenuLabel({ className, ...props }: ComponentProps<typeof DropdownMenu.Label>) {
  return <DropdownMenu.Label {...props} className={cn('px-2 py-1.5 text-muted-foreground text-xs', className)} />;
}

export function MenuSeparator() {
  return <DropdownMenu.Separator className="-mx-1 my-1 h-px bg-border" />;
}

interface MenuChoiceProps {
  value: string;
  onChange: (value: string) => void;
  choices: readonly { value: string; label: ReactNode }[];
}

export function MenuChoice({ value, onChange, choices }: MenuChoiceProps) {
  return (
    <DropdownMenu.RadioGroup value={value} onValueChange={onChange}>
      {choices.map((choice) => (
        <DropdownMenu.RadioItem
          key={choice.value}
          value={choice.value}
          className="flex cursor-pointer items-center gap-2 rounded-md px-2 py-1.5 outline-none data-[state=checked]:font-medium data-highlighted:bg-muted [&_svg]:size-3.5 [&_svg]:text-muted-foreground"
        >
          {choice.label}
          <DropdownMenu.ItemIndicator className="ml-auto size-1.5 rounded-full bg-foreground" />
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

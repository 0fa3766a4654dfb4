'use client';

import { Button } from '@gantry/ui/button';
import { Menu, MenuItem, MenuLabel, MenuSeparator } from '@gantry/ui/menu';
import { useMutation } from '@tanstack/react-query';
import { ChevronsUpDown, KeyRound, LogOut } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { toast } from 'sonner';
import { api } from '../../lib/api/browser.ts';
import { toSentence } from '../../lib/api/errors.ts';
import { paths } from '../../lib/paths.ts';
import { useAccount } from '../account-context.tsx';
import { ThemeMenu } from './theme-menu.tsx';

export function AccountMenu() {
  const account = useAccount();
  const router = useRouter();
  const signOut = useMutation({
    ...api.account.signOut.mutationOptions(),
    onSuccess: () => window.location.assign(paths.signIn()),
    onError: (error) => toast.error(toSentence(error)),
  });
  return (
    <Menu
      side="top"
      align="start"
      trigger={
        <Button variant="ghost" className="h-10 w-full justify-start px-2 text-left">
          <span
            aria-hidden
            className="grid size-6 shrink-0 place-items-center rounded-full bg-accent-soft font-semibold text-2xs text-accent-soft-foreground uppercase"
          >
            {account.name.charAt(0) || account.email.charAt(0)}
          </span>
          <span className="min-w-0 flex-1 truncate text-foreground text-xs">
            <span className="sr-only">Account menu of </span>
            {account.email}
          </span>
          <ChevronsUpDown aria-hidden />
        </Button>
      }
    >
      <MenuLabel>Role: {account.role}</MenuLabel>
      <MenuItem onSelect={() => router.push(paths.account())}>
        <KeyRound aria-hidden /> API tokens
      </MenuItem>
      <MenuSeparator />
      <ThemeMenu />
      <MenuSeparator />
      <MenuItem onSelect={() => signOut.mutate({})}>
        <LogOut aria-hidden /> Sign out
      </MenuItem>
    </Menu>
  );
}

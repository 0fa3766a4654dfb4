'use client';

import { Button } from '@gantry/ui/button';
import { Sheet } from '@gantry/ui/sheet';
import { Menu as MenuIcon } from 'lucide-react';
import Link from 'next/link';
import { type ReactNode, useState } from 'react';
import { paths } from '../../lib/paths.ts';
import { AccountMenu } from './account-menu.tsx';
import { FeedIndicator } from './feed-indicator.tsx';
import { Logo } from './logo.tsx';
import { Navigation } from './navigation.tsx';
import { Palette } from './palette.tsx';

export function Shell({ children }: { children: ReactNode }) {
  const [isMenuOpen, setIsMenuOpen] = useState(false);
  return (
    <div className="flex min-h-dvh">
      <a
        href="#main"
        className="sr-only z-50 rounded-md bg-primary px-3 py-1.5 text-primary-foreground text-sm focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        Skip to content
      </a>
      <aside className="sticky top-0 hidden h-dvh w-56 shrink-0 flex-col border-r bg-surface lg:flex">
        <Side />
      </aside>
      <div className="flex min-w-0 flex-1 flex-col">
        <header className="sticky top-0 z-30 flex h-12 items-center gap-2 border-b bg-surface px-2 lg:hidden">
          <Button variant="ghost" size="icon" aria-label="Open navigation" aria-expanded={isMenuOpen} onClick={() => setIsMenuOpen(true)}>
            <MenuIcon aria-hidden />
          </Button>
          <Link href={paths.overview()} aria-label="Gantry, overview">
            <Logo />
          </Link>
          <span className="ml-auto pr-2">
            <FeedIndicator />
          </span>
        </header>
        <main id="main" tabIndex={-1} className="mx-auto w-full max-w-6xl flex-1 px-4 py-5 outline-none sm:px-6 sm:py-7">
          {children}
        </main>
      </div>
      <Sheet isOpen={isMenuOpen} onOpenChange={setIsMenuOpen} title="Navigation">
        <Side onNavigate={() => setIsMenuOpen(false)} />
      </Sheet>
    </div>
  );
}

function Side({ onNavigate }: { onNavigate?: () => void }) {
  return (
    <>
      <div className="flex h-14 items-center justify-between px-4">
        <Link href={paths.overview()} aria-label="Gantry, overview" {...(onNavigate ? { onClick: onNavigate } : {})}>
          <Logo />
        </Link>
        {!onNavigate && <FeedIndicator />}
      </div>
      {!onNavigate && (
        <div className="px-2 pb-3">
          <Palette />
        </div>
      )}
      <Navigation {...(onNavigate ? { onNavigate } : {})} />
      <div className="mt-auto border-t p-2">
        <AccountMenu />
      </div>
    </>
  );
}

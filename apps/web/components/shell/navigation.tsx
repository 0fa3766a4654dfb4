'use client';

import { cn } from '@gantry/ui/cn';
import { Boxes, CircleGauge, FileCog, KeyRound, Layers, ListTree, Server } from 'lucide-react';
import Link from 'next/link';
import { usePathname } from 'next/navigation';
import { paths } from '../../lib/paths.ts';

const entries = [
  { href: paths.overview(), title: 'Overview', icon: CircleGauge },
  { href: paths.nodes(), title: 'Nodes', icon: Server },
  { href: paths.services(), title: 'Services', icon: Boxes },
  { href: paths.stacks(), title: 'Stacks', icon: Layers },
  { href: paths.tasks(), title: 'Tasks', icon: ListTree },
  { href: paths.secrets(), title: 'Secrets', icon: KeyRound },
  { href: paths.configs(), title: 'Configs', icon: FileCog },
] as const;

export function Navigation({ onNavigate }: { onNavigate?: () => void }) {
  const pathname = usePathname();
  return (
    <nav aria-label="Main" className="flex flex-col gap-0.5 px-2">
      {entries.map(({ href, title, icon: Icon }) => {
        const isCurrent = href === paths.overview() ? pathname === href : pathname.startsWith(href);
        return (
          <Link
            key={href}
            href={href}
            {...(onNavigate ? { onClick: onNavigate } : {})}
            aria-current={isCurrent ? 'page' : undefined}
            className={cn(
              'flex h-8 items-center gap-2.5 rounded-md px-2 text-sm transition-colors max-sm:h-10',
              isCurrent ? 'bg-muted font-medium text-foreground' : 'text-muted-foreground hover:bg-muted/60 hover:text-foreground',
            )}
          >
            <Icon aria-hidden className="size-4" />
            {title}
          </Link>
        );
      })}
    </nav>
  );
}

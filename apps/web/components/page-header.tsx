'use client';

import { ChevronLeft } from 'lucide-react';
import Link from 'next/link';
import { type ReactNode, useEffect } from 'react';

interface PageHeaderProps {
  title: string;
  /** Beside the title: the state. */
  badge?: ReactNode;
  description?: ReactNode;
  parent?: { title: string; href: string };
  actions?: ReactNode;
}

export function PageHeader({ title, badge, description, parent, actions }: PageHeaderProps) {
  // Of a resource the server only knows the kind when it sends the page's title.
  useEffect(() => {
    document.title = `${title} · Gantry`;
  }, [title]);
  return (
    <header className="mb-5 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
      <div className="min-w-0">
        {parent && (
          <nav aria-label="Breadcrumb" className="mb-1 flex items-center gap-1 text-muted-foreground text-xs">
            <ChevronLeft aria-hidden className="-ml-0.5 size-3" />
            <Link href={parent.href} className="hover:text-foreground hover:underline">
              {parent.title}
            </Link>
          </nav>
        )}
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h1 className="break-all font-semibold text-xl tracking-tight">{title}</h1>
          {badge}
        </div>
        {description && <p className="mt-1 text-muted-foreground text-sm">{description}</p>}
      </div>
      {actions && <div className="flex flex-wrap items-center gap-2">{actions}</div>}
    </header>
  );
}

import { Skeleton } from '@gantry/ui/skeleton';
import type { ReactNode } from 'react';
import { isNotFound } from '../lib/api/errors.ts';
import { ErrorNote } from './error-note.tsx';
import { MissingPage } from './missing-page.tsx';

interface DetailProps<Item> {
  query: { data: Item | undefined; error: unknown; refetch: () => unknown };
  missing: { title: string; back: { title: string; href: string } };
  children: (item: Item) => ReactNode;
}

/** One resource in all its states: loading, failed, gone, and there. */
export function Detail<Item>({ query, missing, children }: DetailProps<Item>) {
  if (isNotFound(query.error)) return <MissingPage {...missing} />;
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <ErrorNote error={query.error} onRetry={() => query.refetch()} />;
  return (
    <div role="status" aria-label="Loading" className="flex flex-col gap-4">
      <Skeleton className="h-8 w-64" />
      <Skeleton className="h-40 w-full" />
      <Skeleton className="h-64 w-full" />
    </div>
  );
}

'use client';

import { type QueryKey, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useEffect, useMemo } from 'react';
import { keepNewest } from '../lib/live/newest.ts';

export interface HydratedEntry {
  queryKey: QueryKey;
  content: unknown;
}

/**
 * Puts what the server has read into the cache. Not TanStack's HydrationBoundary, which goes by the clocks of two machines: here a record
 * that the live feed has made newer meanwhile stays. What is on screen already changes after the page is drawn, never during.
 */
export function Hydrated({ entries, children }: { entries: HydratedEntry[]; children: ReactNode }) {
  const queryClient = useQueryClient();
  useMemo(() => {
    for (const { queryKey, content } of entries) {
      if (queryClient.getQueryData(queryKey) === undefined) queryClient.setQueryData(queryKey, content);
    }
  }, [queryClient, entries]);
  useEffect(() => {
    for (const { queryKey, content } of entries) queryClient.setQueryData(queryKey, (held: unknown) => keepNewest(held, content));
  }, [queryClient, entries]);
  return children;
}

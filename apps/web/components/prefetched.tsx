import { QueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { Api } from '../lib/api/client.ts';
import { serverApi } from '../lib/api/server.ts';
import { Hydrated } from './hydrated.tsx';

interface PrefetchedProps {
  load: (queryClient: QueryClient, api: Api) => Promise<void>[];
  children: ReactNode;
}

/** Sends the first state along with the page. What could not be read here is read, and its error shown, by the browser. */
export async function Prefetched({ load, children }: PrefetchedProps) {
  const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  await Promise.all(load(queryClient, serverApi));
  const read = queryClient.getQueryCache().findAll({ predicate: ({ state }) => state.status === 'success' });
  return <Hydrated entries={read.map(({ queryKey, state }) => ({ queryKey: [...queryKey], content: state.data }))}>{children}</Hydrated>;
}

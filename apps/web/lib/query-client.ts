import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query';
import { isSignedOut } from './api/errors.ts';
import { keepNewest } from './live/newest.ts';

const retryLimit = 2;

interface QueryClientOptions {
  onSignedOut: () => void;
}

export function createQueryClient({ onSignedOut }: QueryClientOptions): QueryClient {
  const onError = (error: unknown) => {
    if (isSignedOut(error)) onSignedOut();
  };
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        // The live feed says when something changed; age alone is no reason to ask again.
        staleTime: 60_000,
        structuralSharing: keepNewest,
        retry: (failures, error) => failures < retryLimit && isWorthRetrying(error),
      },
    },
  });
}

/** The server's refusals do not change by asking again; a network or a restart may. */
function isWorthRetrying(error: unknown): boolean {
  if (error instanceof TypeError) return true;
  return typeof error === 'object' && error !== null && 'status' in error && typeof error.status === 'number' && error.status >= 500;
}

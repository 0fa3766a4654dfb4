'use client';

import { TooltipProvider } from '@gantry/ui/tooltip';
import { QueryClientProvider } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Toaster } from 'sonner';
import { paths } from '../lib/paths.ts';
import { createQueryClient } from '../lib/query-client.ts';

export function Providers({ children }: { children: ReactNode }) {
  const [queryClient] = useState(() => createQueryClient({ onSignedOut: leaveToSignIn }));
  return (
    <QueryClientProvider client={queryClient}>
      <TooltipProvider delayDuration={250}>{children}</TooltipProvider>
      <Toaster position="bottom-right" toastOptions={{ className: 'gantry-toast' }} />
    </QueryClientProvider>
  );
}

/** A whole page load, so that nothing of the ended session stays in memory. */
function leaveToSignIn() {
  if (window.location.pathname === paths.signIn()) return;
  window.location.assign(paths.signInThen(window.location.pathname + window.location.search));
}

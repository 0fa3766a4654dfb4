'use client';

import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { useEffect } from 'react';
import { streamPaths } from '../lib/paths.ts';

const askPeriodMs = 3000;

/** Asks until there is an answer, then loads the page that was wanted. */
export function NoControlPlane() {
  useEffect(() => {
    const timer = setInterval(async () => {
      const answer = await fetch(streamPaths.health()).catch(() => undefined);
      if (answer?.ok) window.location.reload();
    }, askPeriodMs);
    return () => clearInterval(timer);
  }, []);
  return (
    <main className="mx-auto max-w-lg px-4 py-24">
      <h1 className="mb-4 font-semibold text-xl">No answer</h1>
      <Callout
        tone="bad"
        actions={
          <Button size="sm" onClick={() => window.location.reload()}>
            Try again
          </Button>
        }
      >
        The control plane is not answering right now. Containers that run keep running. This page comes back by itself.
      </Callout>
    </main>
  );
}

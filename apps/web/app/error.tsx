'use client';

import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';

export default function ErrorPage({ reset }: { error: Error; reset: () => void }) {
  return (
    <main className="mx-auto max-w-lg px-4 py-24">
      <h1 className="mb-4 font-semibold text-xl">This page failed</h1>
      <Callout
        tone="bad"
        actions={
          <Button size="sm" onClick={reset}>
            Try again
          </Button>
        }
      >
        Something went wrong while the page was drawn. The cluster is not affected.
      </Callout>
    </main>
  );
}

'use client';

import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';

export function NoControlPlane() {
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
        The control plane is not answering right now. Containers that run keep running.
      </Callout>
    </main>
  );
}

import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { toSentence } from '../lib/api/errors.ts';

export function ErrorNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <Callout
      tone="bad"
      actions={
        onRetry && (
          <Button size="sm" onClick={onRetry}>
            Try again
          </Button>
        )
      }
    >
      {toSentence(error)}
    </Callout>
  );
}

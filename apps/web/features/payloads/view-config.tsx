'use client';

import type { Config } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { CopyButton } from '@gantry/ui/copy-button';
import { Dialog } from '@gantry/ui/dialog';
import { Skeleton } from '@gantry/ui/skeleton';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ErrorNote } from '../../components/error-note.tsx';
import { fromBase64 } from './content-form.ts';
import { configContentQuery } from './payload-calls.ts';

export function ViewConfig({ config }: { config: Config }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button size="sm" onClick={() => setIsOpen(true)}>
        View<span className="sr-only"> {config.name}</span>
      </Button>
      {isOpen && (
        <Dialog isOpen onOpenChange={setIsOpen} size="lg" title={config.name} description="">
          <Content config={config} />
        </Dialog>
      )}
    </>
  );
}

function Content({ config }: { config: Config }) {
  const query = useQuery(configContentQuery(config.id));
  if (query.isPending) return <Skeleton className="h-24 w-full" />;
  if (query.isError) return <ErrorNote error={query.error} onRetry={() => query.refetch()} />;
  const text = fromBase64(query.data.data);
  if (text === null) return <p>Version {query.data.number} is no text, so it is not shown.</p>;
  return (
    <div className="flex flex-col gap-2">
      <p className="flex items-center gap-2 text-muted-foreground text-xs">
        Version {query.data.number} <CopyButton text={text} label="content" />
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0} className="max-h-[50vh] overflow-auto rounded-md border bg-muted/50 p-3 font-mono text-xs">
        {text}
      </pre>
    </div>
  );
}

'use client';

import type { PublishedPort } from '@gantry/contracts/http-api';
import { useQuery } from '@tanstack/react-query';
import { ExternalLink } from 'lucide-react';
import { useSyncExternalStore } from 'react';
import { pageSize } from '../../components/page-size.ts';
import { api } from '../../lib/api/browser.ts';
import { nodePageQuery } from '../nodes/queries.ts';
import { portHost, portUrl } from './port-host.ts';

export function PortLinks({ ports }: { ports: readonly PublishedPort[] }) {
  const nodes = useQuery(nodePageQuery(api, { limit: pageSize }));
  const pageHost = usePageHost();
  if (ports.length === 0) return <span className="text-muted-foreground">–</span>;
  const host = pageHost && portHost(pageHost, nodes.data?.items ?? []);
  return (
    <span className="flex flex-wrap gap-x-3 gap-y-1 font-mono text-xs">
      {ports.map((port) => {
        const text = (
          <span>
            {port.publishedPort || 'auto'}
            <span className="max-sm:hidden">
              →{port.targetPort}/{port.protocol}
            </span>
          </span>
        );
        const key = `${port.publishedPort} ${port.targetPort} ${port.protocol}`;
        const url = host && portUrl(host, port);
        if (!url) return <span key={key}>{text}</span>;
        return (
          <a
            key={key}
            href={url}
            target="_blank"
            rel="noreferrer"
            className="inline-flex items-center gap-1 whitespace-nowrap text-accent underline-offset-4 hover:underline"
          >
            {text}
            <ExternalLink aria-hidden className="size-3" />
            <span className="sr-only">(opens in a new tab)</span>
          </a>
        );
      })}
    </span>
  );
}

const never = () => () => undefined;

function usePageHost(): string | undefined {
  return useSyncExternalStore(
    never,
    () => window.location.hostname,
    () => undefined,
  );
}

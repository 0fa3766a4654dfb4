'use client';

import type { ClusterNode } from '@gantry/contracts/http-api';
import { Card } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { Server } from 'lucide-react';
import { PageHeader } from '../../components/page-header.tsx';
import { pageSize } from '../../components/page-size.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { NodeBadge } from '../../components/state-badges.tsx';
import { usePages } from '../../components/use-pages.ts';
import { api } from '../../lib/api/browser.ts';
import { formatBytes } from '../../lib/format.ts';
import { paths } from '../../lib/paths.ts';
import { AddNode } from './add-node.tsx';
import { nodePageQuery } from './queries.ts';

const columns: Column<ClusterNode>[] = [
  { heading: 'Name', cell: (node) => <ResourceLink href={paths.node(node.id)}>{node.spec.name}</ResourceLink> },
  { heading: 'State', cell: (node) => <NodeBadge node={node} /> },
  { heading: 'CPUs', cell: (node) => node.status.facts?.cpus ?? '–', className: 'text-right tabular-nums' },
  {
    heading: 'Memory',
    cell: (node) => (node.status.facts ? formatBytes(node.status.facts.memoryBytes) : '–'),
    className: 'text-right tabular-nums whitespace-nowrap',
  },
  { heading: 'System', cell: (node) => node.status.facts?.operatingSystem ?? '–', isSecondary: true, className: 'max-w-56 truncate' },
  { heading: 'Agent', cell: (node) => node.status.facts?.agentVersion ?? '–', isSecondary: true },
  {
    heading: 'Last seen',
    cell: (node) => (node.status.lastSeenAt ? <RelativeTime at={node.status.lastSeenAt} /> : 'Never'),
    isSecondary: true,
    className: 'whitespace-nowrap text-muted-foreground',
  },
];

export function NodeList() {
  const pages = usePages();
  const query = useQuery(nodePageQuery(api, { limit: pageSize, cursor: pages.cursor }));
  return (
    <>
      <PageHeader title="Nodes" description="Linux hosts that run the agent" actions={<AddNode />} />
      <Card>
        <ResourceTable
          label="Nodes"
          columns={columns}
          query={query}
          pages={pages}
          rowKey={(node) => node.id}
          empty={
            <Empty icon={<Server aria-hidden />} title="No nodes yet">
              Services start to run as soon as the first host has joined.
            </Empty>
          }
        />
      </Card>
    </>
  );
}

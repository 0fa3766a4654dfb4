'use client';

import type { Stack } from '@gantry/contracts/http-api';
import { Card } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { Layers } from 'lucide-react';
import { PageHeader } from '../../components/page-header.tsx';
import { pageSize } from '../../components/page-size.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { usePages } from '../../components/use-pages.ts';
import { api } from '../../lib/api/browser.ts';
import { formatCount } from '../../lib/format.ts';
import { paths } from '../../lib/paths.ts';
import { DeployStack } from './deploy-stack.tsx';
import { stackPageQuery } from './queries.ts';
import { RemoveStack } from './remove-stack.tsx';

const columns: Column<Stack>[] = [
  { heading: 'Name', cell: (stack) => <ResourceLink href={paths.servicesOfStack(stack.id)}>{stack.name}</ResourceLink> },
  {
    heading: 'Services',
    cell: (stack) => <ResourceLink href={paths.servicesOfStack(stack.id)}>{formatCount(stack.services, 'service')}</ResourceLink>,
    className: 'whitespace-nowrap',
  },
  { heading: 'Created', cell: (stack) => <RelativeTime at={stack.createdAt} />, isSecondary: true, className: 'whitespace-nowrap text-muted-foreground' },
  { heading: 'Changed', cell: (stack) => <RelativeTime at={stack.updatedAt} />, isSecondary: true, className: 'whitespace-nowrap text-muted-foreground' },
  {
    heading: 'Actions',
    cell: (stack) => (
      <span className="flex justify-end gap-2">
        <DeployStack name={stack.name} />
        <RemoveStack stack={stack} />
      </span>
    ),
    className: 'w-0 text-right',
  },
];

export function StackList() {
  const pages = usePages();
  const query = useQuery(stackPageQuery(api, { limit: pageSize, cursor: pages.cursor }));
  return (
    <>
      <PageHeader title="Stacks" description="Services that are deployed together from a Compose file" actions={<DeployStack />} />
      <Card>
        <ResourceTable
          label="Stacks"
          columns={columns}
          query={query}
          pages={pages}
          rowKey={(stack) => stack.id}
          empty={
            <Empty icon={<Layers aria-hidden />} title="No stacks">
              A Compose file you already have is all it takes.
            </Empty>
          }
        />
      </Card>
    </>
  );
}

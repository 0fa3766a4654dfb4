'use client';

import type { Service } from '@gantry/contracts/http-api';
import type { StackId } from '@gantry/contracts/ids';
import { Button } from '@gantry/ui/button';
import { Card } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { Boxes, X } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { PageHeader } from '../../components/page-header.tsx';
import { pageSize } from '../../components/page-size.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { ServiceBadge } from '../../components/state-badges.tsx';
import { usePages } from '../../components/use-pages.ts';
import { api } from '../../lib/api/browser.ts';
import { shortImage } from '../../lib/format.ts';
import { paths } from '../../lib/paths.ts';
import { CreateService } from './create-service.tsx';
import { PortLinks } from './port-links.tsx';
import { servicePageQuery } from './queries.ts';

const columns: Column<Service>[] = [
  { heading: 'Name', cell: (service) => <ResourceLink href={paths.service(service.id)}>{service.spec.name}</ResourceLink> },
  { heading: 'State', cell: (service) => <ServiceBadge service={service} /> },
  {
    heading: 'Tasks',
    cell: (service) => `${service.status.runningTasks} / ${service.status.desiredTasks}`,
    className: 'text-right tabular-nums whitespace-nowrap',
  },
  {
    heading: 'Image',
    cell: (service) => <span title={service.spec.task.image}>{shortImage(service.spec.task.image)}</span>,
    isSecondary: true,
    className: 'max-w-64 truncate',
    cellClassName: 'font-mono text-xs',
  },
  { heading: 'Ports', cell: (service) => <PortLinks ports={service.ports} /> },
  { heading: 'Stack', cell: (service) => service.stackName ?? '–', isSecondary: true },
  { heading: 'Changed', cell: (service) => <RelativeTime at={service.updatedAt} />, isSecondary: true, className: 'whitespace-nowrap text-muted-foreground' },
];

export function ServiceList({ stackId }: { stackId?: StackId | undefined }) {
  const router = useRouter();
  const pages = usePages();
  const query = useQuery(servicePageQuery(api, { stackId, limit: pageSize, cursor: pages.cursor }));
  const stackName = stackId && query.data?.items[0]?.stackName;
  return (
    <>
      <PageHeader
        title="Services"
        description="What is to run, and how much of it"
        badge={
          stackId && (
            <Button size="sm" onClick={() => router.push(paths.services())}>
              Stack {stackName ?? stackId} <X aria-label="Show the services of all stacks" />
            </Button>
          )
        }
        actions={<CreateService />}
      />
      <Card>
        <ResourceTable
          label="Services"
          columns={columns}
          query={query}
          pages={pages}
          rowKey={(service) => service.id}
          empty={
            <Empty icon={<Boxes aria-hidden />} title="No services">
              Create one from an image, or deploy a stack from a Compose file.
            </Empty>
          }
        />
      </Card>
    </>
  );
}

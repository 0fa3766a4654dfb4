'use client';

import { Card, CardHeader } from '@gantry/ui/card';
import { Skeleton } from '@gantry/ui/skeleton';
import { useQuery } from '@tanstack/react-query';
import Link from 'next/link';
import type { ReactNode } from 'react';
import { ErrorNote } from '../../components/error-note.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { api } from '../../lib/api/browser.ts';
import { formatCount } from '../../lib/format.ts';
import { paths } from '../../lib/paths.ts';
import { allNodesQuery } from '../nodes/queries.ts';
import { TaskTable } from '../tasks/task-table.tsx';
import { CapacityCard } from './capacity-card.tsx';
import { ConcernsCard } from './concerns-card.tsx';
import { allServicesQuery, latestTasks, systemQuery } from './queries.ts';
import { toCapacity, toConcerns } from './summary.ts';

export function Overview() {
  const system = useQuery(systemQuery(api));
  const nodes = useQuery(allNodesQuery(api));
  const services = useQuery(allServicesQuery(api));
  const failed = [system, nodes, services].find((query) => query.isError && !query.data);
  const nodeItems = nodes.data?.items;
  const serviceItems = services.data?.items;
  const isWhole = nodeItems && serviceItems;
  return (
    <>
      <PageHeader
        title="Overview"
        {...(system.data ? { description: `Gantry ${system.data.version} · jobs on ${system.data.queueBackend === 'postgres' ? 'Postgres' : 'Redis'}` } : {})}
      />
      <div className="flex flex-col gap-5">
        {failed && <ErrorNote error={failed.error} onRetry={() => failed.refetch()} />}
        <div className="grid grid-cols-3 gap-px overflow-hidden rounded-lg border bg-border">
          <Total
            href={paths.nodes()}
            title="Nodes"
            total={system.data?.nodes}
            detail={nodeItems && `${nodeItems.filter((node) => node.status.state === 'ready').length} ready`}
          />
          <Total
            href={paths.services()}
            title="Services"
            total={system.data?.services}
            detail={serviceItems && `${serviceItems.filter((service) => service.status.state === 'converged').length} as wanted`}
          />
          <Total
            href={paths.tasks()}
            title="Tasks running"
            total={system.data?.runningTasks}
            detail={
              serviceItems &&
              `${formatCount(
                serviceItems.reduce((sum, service) => sum + service.status.desiredTasks, 0),
                'task',
              )} wanted`
            }
          />
        </div>
        <div className="grid gap-5 lg:grid-cols-2">
          <CapacityCard capacity={isWhole && toCapacity(nodeItems, serviceItems)} />
          <ConcernsCard hasNodes={nodeItems?.length !== 0} concerns={isWhole && toConcerns(nodeItems, serviceItems)} />
        </div>
        <Card>
          <CardHeader title="Latest tasks" actions={<MoreLink href={paths.tasks()}>All tasks</MoreLink>} />
          <TaskTable filter={{}} size={latestTasks} emptyText="Deploy a stack or create a service, and its tasks show up here." />
        </Card>
      </div>
    </>
  );
}

function Total({ href, title, total, detail }: { href: string; title: string; total: number | undefined; detail: string | undefined }) {
  return (
    <Link href={href} className="-outline-offset-2 bg-surface px-3 py-3 transition-colors sm:px-4 hover:bg-muted/60">
      <p className="text-muted-foreground text-xs">{title}</p>
      {total === undefined ? (
        <Skeleton className="my-1 h-6 w-12" />
      ) : (
        <p className="font-semibold text-2xl tabular-nums tracking-tight">{total.toLocaleString('en')}</p>
      )}
      <p className="text-muted-foreground text-xs">{detail ?? ' '}</p>
    </Link>
  );
}

function MoreLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} className="text-muted-foreground text-xs hover:text-foreground hover:underline">
      {children}
    </Link>
  );
}

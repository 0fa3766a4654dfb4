'use client';

import type { Service, ServiceRevision } from '@gantry/contracts/http-api';
import { Badge } from '@gantry/ui/badge';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { History } from 'lucide-react';
import { pageSize } from '../../../components/page-size.ts';
import { RelativeTime } from '../../../components/relative-time.tsx';
import { type Column, ResourceTable } from '../../../components/resource-table.tsx';
import { usePages } from '../../../components/use-pages.ts';
import { api } from '../../../lib/api/browser.ts';
import { revisionPageQuery } from '../queries.ts';
import { RollBack } from './roll-back.tsx';
import { SpecChanges } from './spec-changes-list.tsx';

/** What the spec was, newest first: what each change changed, and the way back. */
export function RevisionList({ service }: { service: Service }) {
  const pages = usePages();
  const query = useQuery(revisionPageQuery(api, { serviceId: service.id, limit: pageSize, cursor: pages.cursor }));
  const revisions = query.data?.items ?? [];
  const isLastPage = query.data?.nextCursor === null;
  const columns: Column<ServiceRevision>[] = [
    {
      heading: 'Revision',
      cell: (revision) => (
        <span className="flex flex-wrap items-center gap-2">
          {revision.revision}
          {revision.isWanted && <Badge tone="good">In use</Badge>}
          {revision.revision === service.revision && !revision.isWanted && <Badge tone="bad">Rolled back</Badge>}
        </span>
      ),
      className: 'whitespace-nowrap',
    },
    {
      heading: 'What changed',
      cell: (revision) => {
        const before = revisions[revisions.indexOf(revision) + 1];
        if (before) return <SpecChanges before={before.spec} after={revision.spec} />;
        return <span className="text-muted-foreground">{isLastPage ? 'The earliest that is kept' : 'See the next page'}</span>;
      },
      className: 'sm:min-w-48',
    },
    { heading: 'Made', cell: (revision) => <RelativeTime at={revision.createdAt} />, className: 'whitespace-nowrap text-muted-foreground', isSecondary: true },
    { heading: 'Go back', cell: (revision) => <RollBack service={service} revision={revision} />, className: 'whitespace-nowrap' },
  ];
  return (
    <ResourceTable
      label="Revisions"
      columns={columns}
      query={query}
      pages={pages}
      rowKey={(revision) => String(revision.revision)}
      empty={
        <Empty icon={<History aria-hidden />} title="No revisions">
          Every change of the specification is kept here.
        </Empty>
      }
    />
  );
}

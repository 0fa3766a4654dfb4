'use client';

import { Card } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { FileCog, KeyRound } from 'lucide-react';
import { PageHeader } from '../../components/page-header.tsx';
import { pageSize } from '../../components/page-size.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { usePages } from '../../components/use-pages.ts';
import { api } from '../../lib/api/browser.ts';
import { formatBytes } from '../../lib/format.ts';
import { CreatePayload } from './create-payload.tsx';
import { RemovePayload, RotatePayload } from './payload-actions.tsx';
import type { Payload, PayloadKind } from './payload-calls.ts';
import { configPageQuery, secretPageQuery } from './queries.ts';
import { ViewConfig } from './view-config.tsx';
import { words } from './words.ts';

const columnsOf = (kind: PayloadKind): Column<Payload>[] => [
  { heading: 'Name', cell: (payload) => <span className="break-all font-medium">{payload.name}</span> },
  {
    heading: 'Used by',
    cell: (payload) => (payload.services.length > 0 ? payload.services.join(', ') : <span className="text-muted-foreground">No service</span>),
    className: 'max-w-72',
    isSecondary: true,
  },
  { heading: 'Version', cell: ({ versions }) => versions.at(-1)?.number ?? '–', className: 'whitespace-nowrap', isSecondary: true },
  {
    heading: 'Size',
    cell: ({ versions }) => {
      const latest = versions.at(-1);
      return latest ? formatBytes(latest.sizeBytes) : '–';
    },
    className: 'whitespace-nowrap',
    isSecondary: true,
  },
  {
    heading: 'Changed',
    cell: (payload) => <RelativeTime at={payload.versions.at(-1)?.createdAt ?? payload.updatedAt} />,
    className: 'whitespace-nowrap text-muted-foreground',
    isSecondary: true,
  },
  {
    heading: 'Actions',
    cell: (payload) => (
      <span className="flex justify-end gap-2">
        {kind === 'configs' && <ViewConfig config={payload} />}
        <RotatePayload kind={kind} payload={payload} />
        <RemovePayload kind={kind} payload={payload} />
      </span>
    ),
    className: 'w-0 text-right',
  },
];

const columns: Record<PayloadKind, Column<Payload>[]> = { secrets: columnsOf('secrets'), configs: columnsOf('configs') };

interface PayloadPageProps {
  kind: PayloadKind;
  query: Parameters<typeof ResourceTable<Payload>>[0]['query'];
  pages: ReturnType<typeof usePages>;
}

function PayloadPage({ kind, query, pages }: PayloadPageProps) {
  const { title, description, empty } = words[kind];
  return (
    <>
      <PageHeader title={title} description={description} actions={<CreatePayload kind={kind} />} />
      <Card>
        <ResourceTable
          label={title}
          columns={columns[kind]}
          query={query}
          pages={pages}
          rowKey={(payload) => payload.id}
          empty={
            <Empty icon={kind === 'secrets' ? <KeyRound aria-hidden /> : <FileCog aria-hidden />} title={`No ${kind}`}>
              {empty}
            </Empty>
          }
        />
      </Card>
    </>
  );
}

export function SecretList() {
  const pages = usePages();
  return <PayloadPage kind="secrets" pages={pages} query={useQuery(secretPageQuery(api, { limit: pageSize, cursor: pages.cursor }))} />;
}

export function ConfigList() {
  const pages = usePages();
  return <PayloadPage kind="configs" pages={pages} query={useQuery(configPageQuery(api, { limit: pageSize, cursor: pages.cursor }))} />;
}

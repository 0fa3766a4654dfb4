'use client';

import type { ClusterNode, NodeContainer } from '@gantry/contracts/http-api';
import { TaskId } from '@gantry/contracts/ids';
import { CopyButton } from '@gantry/ui/copy-button';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { Box, Unplug } from 'lucide-react';
import { pageSize } from '../../components/page-size.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { ContainerBadge } from '../../components/state-badges.tsx';
import { usePages } from '../../components/use-pages.ts';
import { api } from '../../lib/api/browser.ts';
import { shortId, shortImage } from '../../lib/format.ts';
import { paths } from '../../lib/paths.ts';
import { nodeCan } from './actions.ts';
import { nodeContainersQuery } from './queries.ts';

const columns: Column<NodeContainer>[] = [
  {
    heading: 'Container',
    cell: (container) => (
      <span className="flex flex-col">
        <ContainerName container={container} />
        <span className="flex items-center font-mono text-muted-foreground text-xs">
          {shortId(container.id)}
          <CopyButton text={container.id} label={`ID of ${container.name}`} />
        </span>
      </span>
    ),
  },
  { heading: 'State', cell: (container) => <ContainerBadge state={container.state} /> },
  { heading: 'Status', cell: (container) => container.status, className: 'whitespace-nowrap text-muted-foreground', isSecondary: true },
  {
    heading: 'Image',
    cell: (container) => <span title={container.image}>{shortImage(container.image)}</span>,
    className: 'max-w-56 truncate',
    cellClassName: 'font-mono text-xs',
  },
  { heading: 'Ports', cell: (container) => container.ports.map(portText).join(', ') || '–', cellClassName: 'font-mono text-xs', isSecondary: true },
  {
    heading: 'Created',
    cell: (container) => <RelativeTime at={container.createdAt} />,
    className: 'whitespace-nowrap text-muted-foreground',
    isSecondary: true,
  },
];

export function ContainerTable({ node }: { node: ClusterNode }) {
  const can = nodeCan.listContainers(node);
  const pages = usePages();
  const query = useQuery({ ...nodeContainersQuery(api, node.id), enabled: can.isAllowed });
  if (!can.isAllowed) {
    return (
      <Empty icon={<Unplug aria-hidden />} title={can.reason}>
        Its containers may well be running; they are listed again once the agent is back.
      </Empty>
    );
  }
  return (
    <ResourceTable
      label="Containers"
      columns={columns}
      query={{ ...query, data: query.data && pageOf(query.data.items, pages.cursor) }}
      pages={pages}
      rowKey={(container) => container.id}
      empty={
        <Empty icon={<Box aria-hidden />} title="No containers">
          Neither a task nor the Docker CLI has made one on this node.
        </Empty>
      }
    />
  );
}

/** The node answers with all its containers at once; the page shows them in pages, running ones first. The cursor is an offset. */
function pageOf(containers: readonly NodeContainer[], cursor: string | undefined) {
  const ordered = [...containers.filter(isRunning), ...containers.filter((container) => !isRunning(container))];
  const end = Number(cursor ?? 0) + pageSize;
  return { items: ordered.slice(end - pageSize, end), nextCursor: end < ordered.length ? String(end) : null };
}

function isRunning(container: NodeContainer): boolean {
  return container.state === 'running';
}

function ContainerName({ container }: { container: NodeContainer }) {
  const taskId = TaskId.safeParse(container.taskId);
  if (!taskId.success) return <span className="break-all font-medium">{container.name}</span>;
  return (
    <ResourceLink href={paths.task(taskId.data)}>
      <span className="break-all">{container.name}</span>
    </ResourceLink>
  );
}

function portText(port: NodeContainer['ports'][number]): string {
  const inner = `${port.containerPort}/${port.protocol}`;
  return port.hostPort === null ? inner : `${port.hostPort}→${inner}`;
}

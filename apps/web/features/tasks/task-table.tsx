'use client';

import type { Task } from '@gantry/contracts/http-api';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { ListTree } from 'lucide-react';
import { useAccount } from '../../components/account-context.tsx';
import { pageSize } from '../../components/page-size.ts';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { TaskBadge } from '../../components/state-badges.tsx';
import { usePages } from '../../components/use-pages.ts';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import { taskCan } from './actions.ts';
import { type TaskFilter, taskPageQuery } from './queries.ts';
import { taskName } from './task-name.ts';

const columns: Column<Task>[] = [
  {
    heading: 'Task',
    cell: (task) => (
      <>
        <ResourceLink href={paths.task(task.id)}>{taskName(task)}</ResourceLink>
        {task.status.state !== 'running' && <p className="line-clamp-3 text-muted-foreground text-xs sm:hidden">{task.status.error ?? task.status.message}</p>}
      </>
    ),
    className: 'sm:whitespace-nowrap',
  },
  { heading: 'State', cell: (task) => <TaskBadge state={task.status.state} /> },
  {
    heading: 'Why',
    cell: (task) => (
      <span className={task.status.error ? 'line-clamp-2 text-bad' : 'line-clamp-2 text-muted-foreground'} title={task.status.error ?? task.status.message}>
        {task.status.error ?? task.status.message}
      </span>
    ),
    className: 'min-w-40 max-w-80',
    isSecondary: true,
  },
  {
    heading: 'Node',
    cell: (task) =>
      task.nodeId ? (
        <ResourceLink href={paths.node(task.nodeId)}>{task.nodeName ?? task.nodeId}</ResourceLink>
      ) : (
        <span className="text-muted-foreground">Not placed</span>
      ),
    isSecondary: true,
    className: 'whitespace-nowrap',
  },
  {
    heading: 'Open',
    cell: (task) => <TaskStreams task={task} />,
    isSecondary: true,
  },
  { heading: 'Since', cell: (task) => <RelativeTime at={task.status.at} />, className: 'whitespace-nowrap text-muted-foreground', isSecondary: true },
];

interface TaskTableProps {
  filter: TaskFilter;
  hiddenColumns?: readonly string[];
  /** Only so many, without pages. */
  size?: number;
  emptyText: string;
}

export function TaskTable({ filter, hiddenColumns = [], size, emptyText }: TaskTableProps) {
  const pages = usePages();
  const query = useQuery(taskPageQuery(api, { ...filter, limit: size ?? pageSize, cursor: pages.cursor }));
  return (
    <ResourceTable
      label="Tasks"
      columns={columns.filter((column) => !hiddenColumns.includes(column.heading))}
      query={query}
      {...(size === undefined ? { pages } : {})}
      rowKey={(task) => task.id}
      empty={
        <Empty icon={<ListTree aria-hidden />} title="No tasks">
          {emptyText}
        </Empty>
      }
    />
  );
}

function TaskStreams({ task }: { task: Task }) {
  const account = useAccount();
  return (
    <span className="flex gap-3 text-muted-foreground text-xs">
      <ResourceLink href={paths.taskLogs(task.id)} can={taskCan.readLogs(account, task)}>
        Logs<span className="sr-only"> of {taskName(task)}</span>
      </ResourceLink>
      <ResourceLink href={paths.taskTerminal(task.id)} can={taskCan.openTerminal(account, task)}>
        Terminal<span className="sr-only"> in {taskName(task)}</span>
      </ResourceLink>
    </span>
  );
}

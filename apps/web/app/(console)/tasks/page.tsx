import type { Metadata } from 'next';
import { pageSize } from '../../../components/page-size.ts';
import { Prefetched } from '../../../components/prefetched.tsx';
import { taskPageQuery } from '../../../features/tasks/queries.ts';
import { TaskList } from '../../../features/tasks/task-list.tsx';

export const metadata: Metadata = { title: 'Tasks' };

export default function TasksPage() {
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(taskPageQuery(api, { desiredState: 'running', limit: pageSize }))]}>
      <TaskList />
    </Prefetched>
  );
}

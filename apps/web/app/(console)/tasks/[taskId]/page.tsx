import { TaskId } from '@gantry/contracts/ids';
import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { Prefetched } from '../../../../components/prefetched.tsx';
import { taskQuery } from '../../../../features/tasks/queries.ts';
import { TaskView } from '../../../../features/tasks/task-view.tsx';

export const metadata: Metadata = { title: 'Task' };

export default async function TaskPage({ params }: { params: Promise<{ taskId: string }> }) {
  const taskId = TaskId.safeParse((await params).taskId);
  if (!taskId.success) notFound();
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(taskQuery(api, taskId.data))]}>
      <TaskView taskId={taskId.data} />
    </Prefetched>
  );
}

import type { Metadata } from 'next';
import { Prefetched } from '../../components/prefetched.tsx';
import { allNodesQuery } from '../../features/nodes/queries.ts';
import { Overview } from '../../features/overview/overview.tsx';
import { allServicesQuery, latestTasks, systemQuery } from '../../features/overview/queries.ts';
import { taskPageQuery } from '../../features/tasks/queries.ts';

export const metadata: Metadata = { title: 'Overview' };

export default function OverviewPage() {
  return (
    <Prefetched
      load={(queryClient, api) => [
        queryClient.prefetchQuery(systemQuery(api)),
        queryClient.prefetchQuery(allNodesQuery(api)),
        queryClient.prefetchQuery(allServicesQuery(api)),
        queryClient.prefetchQuery(taskPageQuery(api, { limit: latestTasks })),
      ]}
    >
      <Overview />
    </Prefetched>
  );
}

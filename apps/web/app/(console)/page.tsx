import type { Metadata } from 'next';
import { Prefetched } from '../../components/prefetched.tsx';
import { allNodesQuery } from '../../features/nodes/queries.ts';
import { Overview } from '../../features/overview/overview.tsx';
import { allServicesQuery, systemQuery } from '../../features/overview/queries.ts';

export const metadata: Metadata = { title: 'Overview' };

export default function OverviewPage() {
  return (
    <Prefetched
      load={(queryClient, api) => [
        queryClient.prefetchQuery(systemQuery(api)),
        queryClient.prefetchQuery(allNodesQuery(api)),
        queryClient.prefetchQuery(allServicesQuery(api)),
      ]}
    >
      <Overview />
    </Prefetched>
  );
}

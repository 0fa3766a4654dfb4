import type { Metadata } from 'next';
import { pageSize } from '../../../components/page-size.ts';
import { Prefetched } from '../../../components/prefetched.tsx';
import { NodeList } from '../../../features/nodes/node-list.tsx';
import { nodePageQuery } from '../../../features/nodes/queries.ts';

export const metadata: Metadata = { title: 'Nodes' };

export default function NodesPage() {
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(nodePageQuery(api, { limit: pageSize }))]}>
      <NodeList />
    </Prefetched>
  );
}

import { NodeId } from '@gantry/contracts/ids';
import type { Metadata } from 'next';
import { notFound } from 'next/navigation';
import { Prefetched } from '../../../../components/prefetched.tsx';
import { NodeView } from '../../../../features/nodes/node-view.tsx';
import { nodeQuery } from '../../../../features/nodes/queries.ts';

export const metadata: Metadata = { title: 'Node' };

export default async function NodePage({ params }: { params: Promise<{ nodeId: string }> }) {
  const nodeId = NodeId.safeParse((await params).nodeId);
  if (!nodeId.success) notFound();
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(nodeQuery(api, nodeId.data))]}>
      <NodeView nodeId={nodeId.data} />
    </Prefetched>
  );
}

import type { Metadata } from 'next';
import { pageSize } from '../../../components/page-size.ts';
import { Prefetched } from '../../../components/prefetched.tsx';
import { stackPageQuery } from '../../../features/stacks/queries.ts';
import { StackList } from '../../../features/stacks/stack-list.tsx';

export const metadata: Metadata = { title: 'Stacks' };

export default function StacksPage() {
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(stackPageQuery(api, { limit: pageSize }))]}>
      <StackList />
    </Prefetched>
  );
}

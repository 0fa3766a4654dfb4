import { StackId } from '@gantry/contracts/ids';
import type { Metadata } from 'next';
import { pageSize } from '../../../components/page-size.ts';
import { Prefetched } from '../../../components/prefetched.tsx';
import { servicePageQuery } from '../../../features/services/queries.ts';
import { ServiceList } from '../../../features/services/service-list.tsx';

export const metadata: Metadata = { title: 'Services' };

export default async function ServicesPage({ searchParams }: { searchParams: Promise<{ stack?: string | string[] }> }) {
  const stackId = StackId.safeParse((await searchParams).stack).data;
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(servicePageQuery(api, { stackId, limit: pageSize }))]}>
      <ServiceList key={stackId} stackId={stackId} />
    </Prefetched>
  );
}

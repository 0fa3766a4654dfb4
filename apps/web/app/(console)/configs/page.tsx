import type { Metadata } from 'next';
import { pageSize } from '../../../components/page-size.ts';
import { Prefetched } from '../../../components/prefetched.tsx';
import { ConfigList } from '../../../features/payloads/payload-list.tsx';
import { configPageQuery } from '../../../features/payloads/queries.ts';

export const metadata: Metadata = { title: 'Configs' };

export default function ConfigsPage() {
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(configPageQuery(api, { limit: pageSize }))]}>
      <ConfigList />
    </Prefetched>
  );
}

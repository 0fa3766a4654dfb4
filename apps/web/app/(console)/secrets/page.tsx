import type { Metadata } from 'next';
import { pageSize } from '../../../components/page-size.ts';
import { Prefetched } from '../../../components/prefetched.tsx';
import { SecretList } from '../../../features/payloads/payload-list.tsx';
import { secretPageQuery } from '../../../features/payloads/queries.ts';

export const metadata: Metadata = { title: 'Secrets' };

export default function SecretsPage() {
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(secretPageQuery(api, { limit: pageSize }))]}>
      <SecretList />
    </Prefetched>
  );
}

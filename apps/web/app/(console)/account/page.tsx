import type { Metadata } from 'next';
import { Prefetched } from '../../../components/prefetched.tsx';
import { apiTokensQuery } from '../../../features/account/queries.ts';
import { TokenList } from '../../../features/account/token-list.tsx';

export const metadata: Metadata = { title: 'API tokens' };

export default function AccountPage() {
  return (
    <Prefetched load={(queryClient, api) => [queryClient.prefetchQuery(apiTokensQuery(api))]}>
      <TokenList />
    </Prefetched>
  );
}

'use client';

import type { ApiToken } from '@gantry/contracts/http-api';
import { Card } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { useQuery } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { useAccount } from '../../components/account-context.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { type Column, ResourceTable } from '../../components/resource-table.tsx';
import { api } from '../../lib/api/browser.ts';
import { CreateToken } from './create-token.tsx';
import { apiTokensQuery } from './queries.ts';
import { RevokeToken } from './revoke-token.tsx';

const columns: Column<ApiToken>[] = [
  { heading: 'Name', cell: (token) => <span className="font-medium">{token.name}</span> },
  { heading: 'Role', cell: (token) => token.role },
  { heading: 'Created', cell: (token) => <RelativeTime at={token.createdAt} />, isSecondary: true, className: 'whitespace-nowrap text-muted-foreground' },
  {
    heading: 'Last used',
    cell: (token) => (token.lastUsedAt ? <RelativeTime at={token.lastUsedAt} /> : 'Never'),
    className: 'whitespace-nowrap text-muted-foreground',
  },
  { heading: 'Actions', cell: (token) => <RevokeToken token={token} />, className: 'w-0 text-right' },
];

export function TokenList() {
  const account = useAccount();
  const query = useQuery(apiTokensQuery(api));
  return (
    <>
      <PageHeader title="API tokens" description={`For programs that act as ${account.email}, with a role of their own`} actions={<CreateToken />} />
      <Card>
        <ResourceTable
          label="API tokens"
          columns={columns}
          query={query}
          rowKey={(token) => token.id}
          empty={
            <Empty icon={<KeyRound aria-hidden />} title="No API tokens">
              A token lets the command line, CI or a script use the API.
            </Empty>
          }
        />
      </Card>
    </>
  );
}

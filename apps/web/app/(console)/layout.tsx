import type { Account } from '@gantry/contracts/http-api';
import type { ReactNode } from 'react';
import { AccountProvider } from '../../components/account-context.tsx';
import { LiveFeedProvider } from '../../components/live-feed.tsx';
import { NoControlPlane } from '../../components/no-control-plane.tsx';
import { Shell } from '../../components/shell/shell.tsx';
import { ToSignIn } from '../../components/to-sign-in.tsx';
import { isSignedOut } from '../../lib/api/errors.ts';
import { serverApi } from '../../lib/api/server.ts';

export default async function ConsoleLayout({ children }: { children: ReactNode }) {
  const visitor = await whoAsks();
  if (visitor === 'stranger') return <ToSignIn />;
  if (visitor === 'unknown') return <NoControlPlane />;
  return (
    <AccountProvider account={visitor}>
      <LiveFeedProvider>
        <Shell>{children}</Shell>
      </LiveFeedProvider>
    </AccountProvider>
  );
}

async function whoAsks(): Promise<Account | 'stranger' | 'unknown'> {
  try {
    return await serverApi.account.current.call();
  } catch (error) {
    return isSignedOut(error) ? 'stranger' : 'unknown';
  }
}

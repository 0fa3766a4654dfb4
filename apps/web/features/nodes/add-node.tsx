'use client';

import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { CodeLine } from '@gantry/ui/code-line';
import { Dialog } from '@gantry/ui/dialog';
import { Skeleton } from '@gantry/ui/skeleton';
import { useMutation } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { RelativeTime } from '../../components/relative-time.tsx';
import { api } from '../../lib/api/browser.ts';
import { nodeCan } from './actions.ts';
import { isLoopback, joinCommands } from './join-command.ts';

export function AddNode() {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  const makeToken = useMutation(api.nodes.createJoinToken.mutationOptions());
  const open = () => {
    setIsOpen(true);
    makeToken.mutate({});
  };
  const close = () => {
    setIsOpen(false);
    makeToken.reset();
  };
  return (
    <>
      <ActionButton can={nodeCan.add(account)} variant="primary" onClick={open}>
        <Plus aria-hidden /> Add node
      </ActionButton>
      <Dialog
        isOpen={isOpen}
        onOpenChange={(next) => (next ? open() : close())}
        title="Add a node"
        description="Any Linux host that can reach this address. The agent dials out: no port has to be opened on the host."
        size="lg"
        footer={
          <Button variant="primary" onClick={close}>
            Done
          </Button>
        }
      >
        {makeToken.isError && <ErrorNote error={makeToken.error} onRetry={() => makeToken.mutate({})} />}
        {makeToken.isPending && <Skeleton className="h-10 w-full" />}
        {makeToken.data && <JoinSteps {...joinCommands(window.location.origin, makeToken.data.token)} expiresAt={makeToken.data.expiresAt} />}
      </Dialog>
    </>
  );
}

function JoinSteps({ install, tryOut, expiresAt }: { install: string; tryOut: string; expiresAt: string }) {
  return (
    <div className="flex flex-col gap-3 text-sm">
      {isLoopback(window.location.origin) && (
        <Callout tone="warn">
          {window.location.host} is this machine only. Start Gantry with --bind and open the dashboard at an address that the new host can reach, or put one in
          below.
        </Callout>
      )}
      <p>On the new host, unpack the agent's package and run this in its folder. The agent becomes a system service.</p>
      <CodeLine label="install command" text={install} />
      <p>Or, to try it in the foreground:</p>
      <CodeLine label="join command" text={tryOut} />
      <p className="text-muted-foreground">
        The node appears in the list as soon as its agent has connected. The token is shown only now; it expires <RelativeTime at={expiresAt} />.
      </p>
    </div>
  );
}

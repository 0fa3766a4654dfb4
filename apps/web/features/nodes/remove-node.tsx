'use client';

import type { ClusterNode } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { useMutation } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import { nodeCan } from './actions.ts';

export function RemoveNode({ node }: { node: ClusterNode }) {
  const account = useAccount();
  const router = useRouter();
  const [isOpen, setIsOpen] = useState(false);
  const remove = useMutation({ ...api.nodes.remove.mutationOptions(), onSuccess: () => router.push(paths.nodes()) });
  return (
    <>
      <ActionButton can={nodeCan.remove(account, node)} variant="danger-outline" onClick={() => setIsOpen(true)}>
        <Trash2 aria-hidden /> Remove
      </ActionButton>
      <ConfirmDialog
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        title={`Remove ${node.spec.name} from the cluster?`}
        confirm={
          <Button variant="danger" isBusy={remove.isPending} onClick={() => remove.mutate({ nodeId: node.id })}>
            Remove node
          </Button>
        }
      >
        <p>
          The node's identity and the records of its tasks are destroyed; its agent can not come back without a new join token. Containers on the host are not
          touched.
        </p>
        {remove.isError && <ErrorNote error={remove.error} />}
      </ConfirmDialog>
    </>
  );
}

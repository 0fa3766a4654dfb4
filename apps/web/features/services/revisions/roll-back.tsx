'use client';

import type { Service, ServiceRevision } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useAccount } from '../../../components/account-context.tsx';
import { ActionButton } from '../../../components/action-button.tsx';
import { ErrorNote } from '../../../components/error-note.tsx';
import { api } from '../../../lib/api/browser.ts';
import { serviceCan } from '../actions.ts';
import { SpecChanges } from './spec-changes-list.tsx';

export function RollBack({ service, revision }: { service: Service; revision: ServiceRevision }) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const [isOpen, setIsOpen] = useState(false);
  const rollBack = useMutation({
    ...api.services.rollback.mutationOptions(),
    onSuccess: async (changed) => {
      queryClient.setQueryData(api.services.get.queryKey({ input: { serviceId: changed.id } }), changed);
      await queryClient.invalidateQueries({ queryKey: api.services.revisions.key() });
      setIsOpen(false);
    },
  });
  return (
    <>
      <ActionButton size="sm" can={serviceCan.rollBack(account, service, revision)} onClick={() => setIsOpen(true)}>
        Roll back<span className="sr-only"> to revision {revision.revision}</span>
      </ActionButton>
      <ConfirmDialog
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        title={`Roll ${service.spec.name} back to revision ${revision.revision}?`}
        confirm={
          <Button variant="primary" isBusy={rollBack.isPending} onClick={() => rollBack.mutate({ serviceId: service.id, revision: revision.revision })}>
            Roll back
          </Button>
        }
      >
        <p>Tasks are replaced as the update policy says. The specification becomes a new revision, with:</p>
        <div className="my-2 text-foreground">
          <SpecChanges before={service.spec} after={revision.spec} />
        </div>
        {rollBack.isError && <ErrorNote error={rollBack.error} />}
      </ConfirmDialog>
    </>
  );
}

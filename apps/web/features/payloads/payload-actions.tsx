'use client';

import { Button } from '@gantry/ui/button';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { formatCount } from '../../lib/format.ts';
import { payloadCan } from './actions.ts';
import { ContentDialog } from './content-dialog.tsx';
import { type Payload, type PayloadKind, payloadCalls } from './payload-calls.ts';
import { words } from './words.ts';

interface PayloadActionProps {
  kind: PayloadKind;
  payload: Payload;
}

export function RotatePayload({ kind, payload }: PayloadActionProps) {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <ActionButton size="sm" can={payloadCan.rotate(account, kind)} onClick={() => setIsOpen(true)}>
        Rotate<span className="sr-only"> {payload.name}</span>
      </ActionButton>
      {isOpen && <ContentDialog kind={kind} payload={payload} onClose={() => setIsOpen(false)} />}
    </>
  );
}

export function RemovePayload({ kind, payload }: PayloadActionProps) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const [isOpen, setIsOpen] = useState(false);
  const { one } = words[kind];
  const remove = useMutation({
    mutationFn: () => payloadCalls[kind].remove(payload.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: payloadCalls[kind].listKey });
      setIsOpen(false);
    },
  });
  return (
    <>
      <ActionButton
        can={payloadCan.remove(account, kind, payload)}
        variant="danger-outline"
        size="sm"
        aria-label={`Remove ${payload.name}`}
        onClick={() => setIsOpen(true)}
      >
        <Trash2 aria-hidden />
      </ActionButton>
      <ConfirmDialog
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        title={`Remove the ${one} ${payload.name}?`}
        confirm={
          <Button variant="danger" isBusy={remove.isPending} onClick={() => remove.mutate()}>
            Remove {one}
          </Button>
        }
      >
        <p>
          This can not be undone. It destroys {formatCount(payload.versions.length, 'version')} of its content. No service uses it; one that is rolled back to a
          revision that did can not start.
        </p>
        {remove.isError && <ErrorNote error={remove.error} />}
      </ConfirmDialog>
    </>
  );
}

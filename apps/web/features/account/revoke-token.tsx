'use client';

import type { ApiToken } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';

export function RevokeToken({ token }: { token: ApiToken }) {
  const queryClient = useQueryClient();
  const [isOpen, setIsOpen] = useState(false);
  const revoke = useMutation({
    ...api.account.deleteToken.mutationOptions(),
    onSuccess: () => {
      setIsOpen(false);
      void queryClient.invalidateQueries({ queryKey: api.account.listTokens.key() });
    },
  });
  return (
    <>
      <Button variant="danger-outline" size="sm" aria-label={`Revoke ${token.name}`} onClick={() => setIsOpen(true)}>
        Revoke
      </Button>
      <ConfirmDialog
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        title={`Revoke the token ${token.name}?`}
        confirm={
          <Button variant="danger" isBusy={revoke.isPending} onClick={() => revoke.mutate({ id: token.id })}>
            Revoke token
          </Button>
        }
      >
        <p>Whatever uses it is refused from now on. This can not be undone.</p>
        {revoke.isError && <ErrorNote error={revoke.error} />}
      </ConfirmDialog>
    </>
  );
}

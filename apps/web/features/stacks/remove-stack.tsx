'use client';

import type { Stack } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { Skeleton } from '@gantry/ui/skeleton';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Trash2 } from 'lucide-react';
import { useState } from 'react';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';
import { formatCount } from '../../lib/format.ts';
import { servicePageQuery } from '../services/queries.ts';
import { stackCan } from './actions.ts';

export function RemoveStack({ stack }: { stack: Stack }) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const [isOpen, setIsOpen] = useState(false);
  const services = useQuery({ ...servicePageQuery(api, { stackId: stack.id, limit: 100 }), enabled: isOpen });
  const remove = useMutation({
    ...api.stacks.remove.mutationOptions(),
    onSuccess: () => {
      setIsOpen(false);
      void queryClient.invalidateQueries({ queryKey: api.stacks.list.key() });
    },
  });
  return (
    <>
      <ActionButton can={stackCan.remove(account)} variant="danger-outline" size="sm" aria-label={`Remove ${stack.name}`} onClick={() => setIsOpen(true)}>
        <Trash2 aria-hidden />
      </ActionButton>
      <ConfirmDialog
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        title={`Remove the stack ${stack.name}?`}
        confirm={
          <Button variant="danger" isBusy={remove.isPending} onClick={() => remove.mutate({ name: stack.name })}>
            Remove stack
          </Button>
        }
      >
        <p>This can not be undone. It destroys, with their tasks, containers and logs:</p>
        {services.isPending && <Skeleton className="my-2 w-40" />}
        {services.isError && <ErrorNote error={services.error} />}
        {services.data && (
          <ul className="my-2 flex list-disc flex-col gap-1 pl-5 text-foreground">
            {services.data.items.map((service) => (
              <li key={service.id}>
                {service.spec.name}, {formatCount(service.status.runningTasks, 'running task')}
              </li>
            ))}
            {services.data.items.length === 0 && <li>no service: the stack is empty</li>}
          </ul>
        )}
        <p>Named volumes and images stay.</p>
        {remove.isError && <ErrorNote error={remove.error} />}
      </ConfirmDialog>
    </>
  );
}

'use client';

import type { Service } from '@gantry/contracts/http-api';
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
import { formatCount } from '../../lib/format.ts';
import { paths } from '../../lib/paths.ts';
import { serviceCan } from './actions.ts';

export function RemoveService({ service }: { service: Service }) {
  const account = useAccount();
  const router = useRouter();
  const [isOpen, setIsOpen] = useState(false);
  const remove = useMutation({ ...api.services.remove.mutationOptions(), onSuccess: () => router.push(paths.services()) });
  const { ports, status, stackName } = service;
  return (
    <>
      <ActionButton can={serviceCan.remove(account, service)} variant="danger-outline" onClick={() => setIsOpen(true)}>
        <Trash2 aria-hidden /> Remove
      </ActionButton>
      <ConfirmDialog
        isOpen={isOpen}
        onOpenChange={setIsOpen}
        title={`Remove the service ${service.spec.name}?`}
        confirm={
          <Button variant="danger" isBusy={remove.isPending} onClick={() => remove.mutate({ serviceId: service.id })}>
            Remove service
          </Button>
        }
      >
        <p>This can not be undone. It destroys:</p>
        <ul className="my-2 flex list-disc flex-col gap-1 pl-5 text-foreground">
          <li>the service and its history</li>
          <li>
            {formatCount(status.runningTasks, 'running task')}, with {status.runningTasks === 1 ? 'its container' : 'their containers'}, what they wrote to
            their own file systems, and their logs
          </li>
          {ports.length > 0 && (
            <li>
              the published {ports.length === 1 ? 'port' : 'ports'} {ports.map((port) => port.publishedPort).join(', ')}
            </li>
          )}
        </ul>
        <p>Named volumes and images stay.{stackName && ` The stack ${stackName} will be without this service until it is deployed again.`}</p>
        {remove.isError && <ErrorNote error={remove.error} />}
      </ConfirmDialog>
    </>
  );
}

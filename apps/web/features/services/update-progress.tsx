'use client';

import type { Service } from '@gantry/contracts/http-api';
import { Badge, type Tone } from '@gantry/ui/badge';
import { Button } from '@gantry/ui/button';
import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { Meter } from '@gantry/ui/meter';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { toast } from 'sonner';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { api } from '../../lib/api/browser.ts';
import { toSentence } from '../../lib/api/errors.ts';
import { serviceCan } from './actions.ts';

type UpdateState = NonNullable<Service['status']['update']>['state'];

const titles: Record<UpdateState, string> = {
  updating: 'Updating',
  canary: 'Canary waits',
  paused: 'Paused',
  completed: 'Completed',
  reverting: 'Going back',
  reverted: 'Went back',
};
const tones: Record<UpdateState, Tone> = { updating: 'busy', canary: 'warn', paused: 'warn', completed: 'good', reverting: 'busy', reverted: 'bad' };

/** How the latest update is getting on, and what a person can do about it. Nothing of one that is over as it should be. */
export function UpdateProgress({ service }: { service: Service }) {
  const { update, message } = service.status;
  if (update === null || update.state === 'completed') return null;
  const { state, replacedTasks, totalTasks } = update;
  const isUnderWay = state !== 'reverting' && state !== 'reverted';
  return (
    <Card>
      <CardHeader title="Update" actions={isUnderWay && <UpdateActions service={service} isPaused={update.isPaused} hasCanary={state === 'canary'} />} />
      <CardBody>
        <p role="status" aria-live="polite" className="flex items-center gap-2 text-sm tabular-nums">
          <Badge tone={tones[state]}>{titles[state]}</Badge>
          {replacedTasks} of {totalTasks} tasks replaced
        </p>
        <Meter of="goal" label="Tasks replaced" share={totalTasks === 0 ? 1 : replacedTasks / totalTasks} className="mt-2" />
        {message && <p className="mt-1.5 text-muted-foreground text-xs">{message}</p>}
      </CardBody>
    </Card>
  );
}

function UpdateActions({ service, isPaused, hasCanary }: { service: Service; isPaused: boolean; hasCanary: boolean }) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const [isAborting, setIsAborting] = useState(false);
  const settled = {
    onSuccess: (changed: Service) => queryClient.setQueryData(api.services.get.queryKey({ input: { serviceId: changed.id } }), changed),
    onError: (error: Error) => toast.error(toSentence(error)),
    onSettled: () => setIsAborting(false),
  };
  const promote = useMutation({ ...api.services.promote.mutationOptions(), ...settled });
  const pause = useMutation({ ...api.services.pause.mutationOptions(), ...settled });
  const resume = useMutation({ ...api.services.resume.mutationOptions(), ...settled });
  const abort = useMutation({ ...api.services.abort.mutationOptions(), ...settled });
  const input = { serviceId: service.id };
  const can = serviceCan.steerUpdate(account, service);
  const turn = isPaused ? resume : pause;
  return (
    <div className="flex gap-2">
      {hasCanary && (
        <ActionButton size="sm" variant="primary" can={can} isBusy={promote.isPending} onClick={() => promote.mutate(input)}>
          Promote
        </ActionButton>
      )}
      <ActionButton size="sm" can={can} isBusy={turn.isPending} onClick={() => turn.mutate(input)}>
        {isPaused ? 'Resume' : 'Pause'}
      </ActionButton>
      <ActionButton size="sm" can={can} onClick={() => setIsAborting(true)}>
        Abort
      </ActionButton>
      <ConfirmDialog
        isOpen={isAborting}
        onOpenChange={setIsAborting}
        title={`Abort the update of ${service.spec.name}?`}
        confirm={
          <Button variant="danger" isBusy={abort.isPending} onClick={() => abort.mutate(input)}>
            Abort update
          </Button>
        }
      >
        The tasks of before are wanted again, and replace the new ones as the update policy says. The specification stays as you wrote it.
      </ConfirmDialog>
    </div>
  );
}

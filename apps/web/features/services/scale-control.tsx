'use client';

import { maxReplicas, type Service } from '@gantry/contracts/http-api';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Minus, Plus } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { api } from '../../lib/api/browser.ts';
import { toSentence } from '../../lib/api/errors.ts';
import { allOf, allowed, refused } from '../../lib/permission.ts';
import { serviceCan } from './actions.ts';
import { withReplicas } from './with-replicas.ts';

/** Shows the wanted number at once; the tasks follow as the live feed reports them. */
export function ScaleControl({ service }: { service: Service }) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const key = api.services.get.queryKey({ input: { serviceId: service.id } });
  const mutationKey = ['scale', service.id];
  const [draft, setDraft] = useState<string>();
  const can = serviceCan.scale(account, service);
  const replicas = service.spec.mode.type === 'replicated' ? service.spec.mode.replicas : service.status.desiredTasks;

  const scale = useMutation({
    ...api.services.scale.mutationOptions(),
    mutationKey,
    // One after the other, so that the last number asked for is the last one set.
    scope: { id: mutationKey.join(' ') },
    onMutate: async (wanted) => {
      await queryClient.cancelQueries({ queryKey: key });
      queryClient.setQueryData(key, (held) => held && withReplicas(held, wanted.replicas));
    },
    onSuccess: (changed) => {
      if (queryClient.isMutating({ mutationKey }) === 1) queryClient.setQueryData(key, changed);
    },
    onError: (error) => {
      toast.error(toSentence(error));
      void queryClient.resetQueries({ queryKey: key });
    },
  });

  const set = (wanted: number) => {
    setDraft(undefined);
    if (Number.isInteger(wanted) && wanted >= 0 && wanted <= maxReplicas && wanted !== replicas) scale.mutate({ serviceId: service.id, replicas: wanted });
  };

  return (
    <fieldset className="flex h-7 items-stretch rounded-md border border-border-strong">
      <legend className="sr-only">Number of tasks</legend>
      <ActionButton
        can={allOf(can, replicas > 0 ? allowed : refused('There is no task to take away'))}
        variant="ghost"
        size="icon-sm"
        className="h-full rounded-r-none"
        aria-label="One task fewer"
        onClick={() => set(replicas - 1)}
      >
        <Minus aria-hidden />
      </ActionButton>
      <input
        aria-label="Number of tasks"
        inputMode="numeric"
        disabled={!can.isAllowed}
        value={draft ?? String(replicas)}
        onChange={(event) => setDraft(event.target.value.replace(/\D/g, ''))}
        onBlur={() => (draft ? set(Number(draft)) : setDraft(undefined))}
        onKeyDown={(event) => {
          if (event.key === 'Enter' && draft) set(Number(draft));
          if (event.key === 'Escape') setDraft(undefined);
        }}
        className="w-10 border-x bg-transparent text-center font-medium text-sm tabular-nums"
      />
      <ActionButton can={can} variant="ghost" size="icon-sm" className="h-full rounded-l-none" aria-label="One task more" onClick={() => set(replicas + 1)}>
        <Plus aria-hidden />
      </ActionButton>
    </fieldset>
  );
}

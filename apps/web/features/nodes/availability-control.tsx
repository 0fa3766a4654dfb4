'use client';

import type { ClusterNode } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { ConfirmDialog } from '@gantry/ui/dialog';
import { Menu, MenuChoice, MenuLabel } from '@gantry/ui/menu';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { ChevronDown } from 'lucide-react';
import { useState } from 'react';
import { toast } from 'sonner';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { api } from '../../lib/api/browser.ts';
import { toSentence } from '../../lib/api/errors.ts';
import { nodeCan } from './actions.ts';

type Availability = ClusterNode['spec']['availability'];

const choices = [
  { value: 'active', label: 'Active: takes new tasks' },
  { value: 'pause', label: 'Pause: keeps its tasks, takes no new ones' },
  { value: 'drain', label: 'Drain: its tasks move to other nodes' },
] as const satisfies readonly { value: Availability; label: string }[];

const titles: Record<Availability, string> = { active: 'Active', pause: 'Paused', drain: 'Draining' };

export function AvailabilityControl({ node }: { node: ClusterNode }) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const [isConfirming, setIsConfirming] = useState(false);
  const can = nodeCan.setAvailability(account);
  const update = useMutation({
    ...api.nodes.update.mutationOptions(),
    onSuccess: (changed) => queryClient.setQueryData(api.nodes.get.queryKey({ input: { nodeId: changed.id } }), changed),
    onError: (error) => toast.error(toSentence(error)),
    onSettled: () => setIsConfirming(false),
  });
  const set = (availability: Availability) => update.mutate({ nodeId: node.id, version: node.version, availability });
  const choose = (value: string) => {
    const choice = choices.find((one) => one.value === value);
    if (!choice || choice.value === node.spec.availability) return;
    if (choice.value === 'drain') setIsConfirming(true);
    else set(choice.value);
  };
  const label = (
    <>
      {titles[node.spec.availability]} <ChevronDown aria-hidden />
    </>
  );
  if (!can.isAllowed) return <ActionButton can={can}>{label}</ActionButton>;
  return (
    <>
      <Menu trigger={<Button aria-label={`Availability: ${titles[node.spec.availability]}`}>{label}</Button>}>
        <MenuLabel>Availability</MenuLabel>
        <MenuChoice value={node.spec.availability} onChange={choose} choices={choices} />
      </Menu>
      <ConfirmDialog
        isOpen={isConfirming}
        onOpenChange={setIsConfirming}
        title={`Drain ${node.spec.name}?`}
        confirm={
          <Button variant="danger" isBusy={update.isPending} onClick={() => set('drain')}>
            Drain node
          </Button>
        }
      >
        Every task on this node is stopped, and a new one is started on another node that has room for it. Containers that are not tasks keep running.
      </ConfirmDialog>
    </>
  );
}

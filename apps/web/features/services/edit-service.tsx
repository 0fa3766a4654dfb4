'use client';

import type { Service } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { Dialog } from '@gantry/ui/dialog';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';
import { isConflict } from '../../lib/api/errors.ts';
import { serviceCan } from './actions.ts';
import { ServiceFields } from './service-fields.tsx';
import { ServiceForm, toForm, toSpec } from './service-form.ts';

export function EditService({ service }: { service: Service }) {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <ActionButton can={serviceCan.edit(account, service)} onClick={() => setIsOpen(true)}>
        <Pencil aria-hidden /> Edit
      </ActionButton>
      {isOpen && <EditDialog service={service} onClose={() => setIsOpen(false)} />}
    </>
  );
}

const formId = 'edit-service';

function EditDialog({ service, onClose }: { service: Service; onClose: () => void }) {
  const queryClient = useQueryClient();
  // The spec the person sees and edits, and its version: what arrives meanwhile must not be overwritten unseen.
  const [base, setBase] = useState(service);
  const form = useForm<ServiceForm>({ resolver: zodResolver(ServiceForm), defaultValues: toForm(base) });
  const update = useMutation({
    ...api.services.update.mutationOptions(),
    onSuccess: (changed) => {
      queryClient.setQueryData(api.services.get.queryKey({ input: { serviceId: changed.id } }), changed);
      onClose();
    },
  });
  const submit = form.handleSubmit((values) => {
    if (!update.isPending) update.mutate({ serviceId: base.id, version: base.version, spec: toSpec(values, base.spec) });
  });
  const startOver = async () => {
    const current = await queryClient.fetchQuery({ ...api.services.get.queryOptions({ input: { serviceId: service.id } }), staleTime: 0 });
    setBase(current);
    form.reset(toForm(current));
    update.reset();
  };
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      size="lg"
      title={`Edit ${service.spec.name}`}
      description="A change of image or environment replaces the tasks, as the service's update policy says."
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={formId} isBusy={update.isPending}>
            Save
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={submit} noValidate className="flex flex-col gap-4">
        {update.isError && !isConflict(update.error) && <ErrorNote error={update.error} />}
        {update.isError && isConflict(update.error) && (
          <Callout
            tone="warn"
            actions={
              <Button size="sm" onClick={startOver}>
                Load the current one
              </Button>
            }
          >
            Someone else changed this service meanwhile.
          </Callout>
        )}
        <ServiceFields form={form} isGlobal={base.spec.mode.type === 'global'} />
      </form>
    </Dialog>
  );
}

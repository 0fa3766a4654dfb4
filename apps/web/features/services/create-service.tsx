'use client';

import { Button } from '@gantry/ui/button';
import { Dialog } from '@gantry/ui/dialog';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import { serviceCan } from './actions.ts';
import { ServiceFields } from './service-fields.tsx';
import { emptyForm, ServiceForm, toSpec } from './service-form.ts';

export function CreateService() {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <ActionButton can={serviceCan.create(account)} variant="primary" onClick={() => setIsOpen(true)}>
        <Plus aria-hidden /> New service
      </ActionButton>
      {isOpen && <CreateDialog onClose={() => setIsOpen(false)} />}
    </>
  );
}

const formId = 'create-service';

function CreateDialog({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const form = useForm<ServiceForm>({ resolver: zodResolver(ServiceForm), defaultValues: emptyForm });
  const create = useMutation({ ...api.services.create.mutationOptions(), onSuccess: (service) => router.push(paths.service(service.id)) });
  const submit = form.handleSubmit((values) => {
    if (!create.isPending) create.mutate(toSpec(values));
  });
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      size="lg"
      title="New service"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={formId} isBusy={create.isPending || create.isSuccess}>
            Create service
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={submit} noValidate className="flex flex-col gap-4">
        {create.isError && <ErrorNote error={create.error} />}
        <ServiceFields form={form} isNew />
      </form>
    </Dialog>
  );
}

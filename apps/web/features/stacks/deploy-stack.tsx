'use client';

import { StackDeploy } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { Dialog } from '@gantry/ui/dialog';
import { Field, Input, Textarea } from '@gantry/ui/field';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { FileUp, Plus } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useRef, useState } from 'react';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import { stackCan } from './actions.ts';

const DeployForm = z.object({
  name: z.string().regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$/, 'Use 1 to 63 letters, digits, "_", "." or "-", starting with a letter or digit'),
  compose: StackDeploy.shape.compose.trim().min(1, 'Paste a Compose file, or choose one'),
});
type DeployForm = z.infer<typeof DeployForm>;

const example = `services:
  web:
    image: nginx:1.27
    ports: ["8080:80"]
    deploy:
      replicas: 2
`;

/** With a name: deploys that stack again. */
export function DeployStack({ name }: { name?: string }) {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  const can = stackCan.deploy(account);
  return (
    <>
      {name === undefined ? (
        <ActionButton can={can} variant="primary" onClick={() => setIsOpen(true)}>
          <Plus aria-hidden /> Deploy stack
        </ActionButton>
      ) : (
        <ActionButton can={can} size="sm" onClick={() => setIsOpen(true)}>
          Redeploy<span className="sr-only"> {name}</span>
        </ActionButton>
      )}
      {isOpen && <DeployDialog name={name} onClose={() => setIsOpen(false)} />}
    </>
  );
}

const formId = 'deploy-stack';

function DeployDialog({ name, onClose }: { name: string | undefined; onClose: () => void }) {
  const router = useRouter();
  const queryClient = useQueryClient();
  const filePicker = useRef<HTMLInputElement>(null);
  const form = useForm<DeployForm>({ resolver: zodResolver(DeployForm), defaultValues: { name: name ?? '', compose: '' } });
  const { errors } = form.formState;
  const deploy = useMutation({
    ...api.stacks.deploy.mutationOptions(),
    onSuccess: ({ stack }) => {
      void queryClient.invalidateQueries({ queryKey: api.stacks.list.key() });
      onClose();
      router.push(paths.servicesOfStack(stack.id));
    },
  });
  const submit = form.handleSubmit((values) => {
    if (!deploy.isPending) deploy.mutate(values);
  });
  const readFile = async (file: File | undefined) => {
    if (file) form.setValue('compose', await file.text(), { shouldValidate: true });
  };
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      size="lg"
      title={name === undefined ? 'Deploy a stack' : `Deploy ${name} again`}
      description={
        name === undefined
          ? 'Each service of the Compose file becomes a service of the cluster.'
          : 'The stack becomes what this Compose file says: services are added, changed and removed to match.'
      }
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={formId} isBusy={deploy.isPending}>
            Deploy
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={submit} noValidate className="flex flex-col gap-4">
        {deploy.isError && <ErrorNote error={deploy.error} />}
        {name === undefined && (
          <Field label="Name" error={errors.name?.message}>
            <Input {...form.register('name')} autoComplete="off" placeholder="shop" />
          </Field>
        )}
        <Field label="Compose file" error={errors.compose?.message}>
          <Textarea {...form.register('compose')} rows={14} spellCheck={false} placeholder={example} className="font-mono sm:text-xs" />
        </Field>
        <div>
          <input ref={filePicker} type="file" accept=".yml,.yaml" hidden onChange={(event) => readFile(event.target.files?.[0])} />
          <Button size="sm" onClick={() => filePicker.current?.click()}>
            <FileUp aria-hidden /> Choose a file
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

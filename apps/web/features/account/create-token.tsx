'use client';

import { type Account, isAllowed, Role } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { CodeLine } from '@gantry/ui/code-line';
import { Dialog } from '@gantry/ui/dialog';
import { Field, Input, Select } from '@gantry/ui/field';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { z } from 'zod';
import { useAccount } from '../../components/account-context.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';

const TokenForm = z.object({ name: z.string().trim().min(1, 'Say what the token is for').max(100), role: Role });
type TokenForm = z.infer<typeof TokenForm>;

const roleTitles: Record<Role, string> = {
  viewer: 'Viewer: reads everything',
  operator: 'Operator: also changes services and stacks',
  admin: 'Admin: everything',
};

/** Nobody can hand out more than they have. */
const roleNeeds = { viewer: 'system.status', operator: 'services.update', admin: 'nodes.remove' } as const;

function rolesOf(account: Account): Role[] {
  return (['viewer', 'operator', 'admin'] as const).filter((role) => isAllowed(account.role, roleNeeds[role]));
}

export function CreateToken() {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <Button variant="primary" onClick={() => setIsOpen(true)}>
        <Plus aria-hidden /> New token
      </Button>
      {isOpen && <CreateDialog onClose={() => setIsOpen(false)} />}
    </>
  );
}

const formId = 'create-token';

function CreateDialog({ onClose }: { onClose: () => void }) {
  const account = useAccount();
  const queryClient = useQueryClient();
  const form = useForm<TokenForm>({ resolver: zodResolver(TokenForm), defaultValues: { name: '', role: 'viewer' } });
  const create = useMutation({
    ...api.account.createToken.mutationOptions(),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: api.account.listTokens.key() }),
  });
  const submit = form.handleSubmit((values) => {
    if (!create.isPending) create.mutate(values);
  });
  if (create.data) return <CreatedDialog secret={create.data.secret} onClose={onClose} />;
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      title="New API token"
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={formId} isBusy={create.isPending}>
            Create token
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={submit} noValidate className="flex flex-col gap-4">
        {create.isError && <ErrorNote error={create.error} />}
        <Field label="Name" error={form.formState.errors.name?.message}>
          <Input {...form.register('name')} autoComplete="off" placeholder="ci" />
        </Field>
        <Field label="Role">
          <Select {...form.register('role')}>
            {rolesOf(account).map((role) => (
              <option key={role} value={role}>
                {roleTitles[role]}
              </option>
            ))}
          </Select>
        </Field>
      </form>
    </Dialog>
  );
}

function CreatedDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      title="Your new token"
      footer={
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      }
    >
      <div className="flex flex-col gap-3 text-sm">
        <Callout tone="warn">Copy it now: it is shown only this once.</Callout>
        <CodeLine label="token" text={secret} />
        <p className="text-muted-foreground">Try it:</p>
        <CodeLine label="example request" text={`curl -H "Authorization: Bearer ${secret}" ${window.location.origin}/api/v1/system`} />
      </div>
    </Dialog>
  );
}

'use client';

import type { ClusterNode } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { Dialog } from '@gantry/ui/dialog';
import { Field, Input, Textarea } from '@gantry/ui/field';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { Pencil } from 'lucide-react';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useAccount } from '../../components/account-context.tsx';
import { ActionButton } from '../../components/action-button.tsx';
import { ErrorNote } from '../../components/error-note.tsx';
import { api } from '../../lib/api/browser.ts';
import { nodeCan } from './actions.ts';
import { NodeForm, toNodeChange, toNodeForm } from './node-form.ts';

const formId = 'edit-node';

export function EditNode({ node }: { node: ClusterNode }) {
  const account = useAccount();
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <ActionButton can={nodeCan.edit(account)} onClick={() => setIsOpen(true)}>
        <Pencil aria-hidden /> Edit
      </ActionButton>
      {isOpen && <EditDialog node={node} onClose={() => setIsOpen(false)} />}
    </>
  );
}

function EditDialog({ node, onClose }: { node: ClusterNode; onClose: () => void }) {
  const queryClient = useQueryClient();
  // What the person sees and edits, and its version: a change by someone else meanwhile is a conflict, not overwritten unseen.
  const [base] = useState(node);
  const form = useForm<NodeForm>({ resolver: zodResolver(NodeForm), defaultValues: toNodeForm(base.spec) });
  const { errors } = form.formState;
  const update = useMutation({
    ...api.nodes.update.mutationOptions(),
    onSuccess: (changed) => {
      queryClient.setQueryData(api.nodes.get.queryKey({ input: { nodeId: changed.id } }), changed);
      onClose();
    },
  });
  const submit = form.handleSubmit((values) => {
    if (!update.isPending) update.mutate({ nodeId: base.id, version: base.version, ...toNodeChange(values) });
  });
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      title={`Edit ${node.spec.name}`}
      description="A task that a changed label no longer lets run here moves to another node."
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
        {update.isError && <ErrorNote error={update.error} />}
        <Field label="Name" error={errors.name?.message}>
          <Input {...form.register('name')} autoComplete="off" spellCheck={false} />
        </Field>
        <Field label="Labels" hint="One name=value a line; services ask for them as node.labels.name == value" error={errors.labels?.message}>
          <Textarea {...form.register('labels')} rows={5} spellCheck={false} className="font-mono" />
        </Field>
      </form>
    </Dialog>
  );
}

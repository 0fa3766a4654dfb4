'use client';

import { Button } from '@gantry/ui/button';
import { Dialog } from '@gantry/ui/dialog';
import { Field, Input, Textarea } from '@gantry/ui/field';
import { zodResolver } from '@hookform/resolvers/zod';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { FileUp } from 'lucide-react';
import { useRef, useState } from 'react';
import { useForm } from 'react-hook-form';
import { ErrorNote } from '../../components/error-note.tsx';
import { formatBytes, formatCount } from '../../lib/format.ts';
import { type ContentForm, contentForm, toBase64 } from './content-form.ts';
import { type Payload, type PayloadKind, payloadCalls } from './payload-calls.ts';
import { words } from './words.ts';

interface ContentDialogProps {
  kind: PayloadKind;
  /** The one that gets new content; without it a new one is made. */
  payload?: Payload;
  onClose: () => void;
}

const formId = 'payload-content';

export function ContentDialog({ kind, payload, onClose }: ContentDialogProps) {
  const queryClient = useQueryClient();
  const calls = payloadCalls[kind];
  const { one, contentHint } = words[kind];
  const filePicker = useRef<HTMLInputElement>(null);
  const [fileName, setFileName] = useState<string | null>(null);
  const form = useForm<ContentForm>({ resolver: zodResolver(contentForm(calls.maxBytes)), defaultValues: { name: payload?.name ?? '', text: '', file: null } });
  const { errors } = form.formState;
  const file = form.watch('file');
  const save = useMutation({
    mutationFn: (values: ContentForm) => {
      const data = toBase64(values);
      return payload ? calls.rotate(payload.id, data) : calls.create({ name: values.name, data });
    },
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: calls.listKey });
      onClose();
    },
  });
  const submit = form.handleSubmit((values) => {
    if (!save.isPending) save.mutate(values);
  });
  const choose = async (chosen: File | undefined) => {
    if (!chosen) return;
    setFileName(chosen.name);
    form.setValue('file', new Uint8Array(await chosen.arrayBuffer()), { shouldValidate: true });
  };
  const forgetFile = () => {
    setFileName(null);
    form.setValue('file', null);
  };
  return (
    <Dialog
      isOpen
      onOpenChange={onClose}
      size="lg"
      title={payload ? `Rotate ${payload.name}` : `Create a ${one}`}
      description={payload ? describeRotation(payload) : ''}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={formId} isBusy={save.isPending}>
            {payload ? 'Rotate' : 'Create'}
          </Button>
        </>
      }
    >
      <form id={formId} onSubmit={submit} noValidate className="flex flex-col gap-4">
        {save.isError && <ErrorNote error={save.error} />}
        {!payload && (
          <Field label="Name" error={errors.name?.message}>
            <Input {...form.register('name')} autoComplete="off" spellCheck={false} placeholder={kind === 'secrets' ? 'db-password' : 'web.conf'} />
          </Field>
        )}
        {file ? (
          <p className="flex flex-wrap items-center gap-2 text-sm">
            {fileName}, {formatBytes(file.length)}
            <Button size="sm" variant="ghost" onClick={forgetFile}>
              Type it instead
            </Button>
            {errors.text && <span className="text-bad">{errors.text.message}</span>}
          </p>
        ) : (
          <Field label="Content" hint={contentHint} error={errors.text?.message}>
            <Textarea {...form.register('text')} rows={8} spellCheck={false} autoComplete="off" className="font-mono sm:text-xs" />
          </Field>
        )}
        <div>
          <input ref={filePicker} type="file" hidden onChange={(event) => choose(event.target.files?.[0])} />
          <Button size="sm" onClick={() => filePicker.current?.click()}>
            <FileUp aria-hidden /> Choose a file
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function describeRotation({ services }: Payload): string {
  if (services.length === 0) return 'No service uses it: nothing else changes.';
  return `The tasks of ${formatCount(services.length, 'service')} (${services.join(', ')}) are replaced, as each service's update policy says.`;
}

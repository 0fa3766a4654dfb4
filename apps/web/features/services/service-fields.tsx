'use client';

import { Button } from '@gantry/ui/button';
import { Field, Input, Select, Textarea } from '@gantry/ui/field';
import { Plus, X } from 'lucide-react';
import { type UseFormReturn, useFieldArray } from 'react-hook-form';
import type { ServiceForm } from './service-form.ts';

interface ServiceFieldsProps {
  form: UseFormReturn<ServiceForm>;
  isNew?: boolean;
  isGlobal?: boolean;
}

export function ServiceFields({ form, isNew = false, isGlobal = false }: ServiceFieldsProps) {
  const { register, control, formState } = form;
  const { errors } = formState;
  const ports = useFieldArray({ control, name: 'ports' });
  return (
    <div className="flex flex-col gap-4">
      {isNew && (
        <Field label="Name" error={errors.name?.message}>
          <Input {...register('name')} autoComplete="off" placeholder="web" />
        </Field>
      )}
      <div className="grid gap-4 sm:grid-cols-[1fr_7rem]">
        <Field label="Image" error={errors.image?.message}>
          <Input {...register('image')} autoComplete="off" spellCheck={false} placeholder="nginx:1.27" className="font-mono" />
        </Field>
        {!isGlobal && (
          <Field label="Tasks" error={errors.replicas?.message}>
            <Input {...register('replicas')} inputMode="numeric" />
          </Field>
        )}
      </div>
      <Field label="Environment" hint="One NAME=value a line" error={errors.env?.message}>
        <Textarea {...register('env')} rows={4} spellCheck={false} className="font-mono" />
      </Field>
      <fieldset className="flex flex-col gap-2">
        <legend className="mb-1.5 font-medium text-sm">Published ports</legend>
        {ports.fields.map((port, index) => (
          <div key={port.id} className="flex flex-wrap items-start gap-2">
            <Field label="On the node" hint="Empty: one is picked" error={errors.ports?.[index]?.publishedPort?.message} className="min-w-24 flex-1">
              <Input {...register(`ports.${index}.publishedPort`)} inputMode="numeric" />
            </Field>
            <Field label="In the task" error={errors.ports?.[index]?.targetPort?.message} className="min-w-24 flex-1">
              <Input {...register(`ports.${index}.targetPort`)} inputMode="numeric" />
            </Field>
            <Field label="Protocol" className="w-20">
              <Select {...register(`ports.${index}.protocol`)}>
                <option value="tcp">tcp</option>
                <option value="udp">udp</option>
                <option value="sctp">sctp</option>
              </Select>
            </Field>
            <Button variant="ghost" size="icon" aria-label={`Remove port ${index + 1}`} onClick={() => ports.remove(index)} className="mt-6.5">
              <X aria-hidden />
            </Button>
          </div>
        ))}
        <div>
          <Button size="sm" onClick={() => ports.append({ publishedPort: '', targetPort: '', protocol: 'tcp' })}>
            <Plus aria-hidden /> Publish a port
          </Button>
        </div>
      </fieldset>
    </div>
  );
}

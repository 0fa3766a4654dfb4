import { ResourceName } from '@gantry/contracts/http-api';
import { z } from 'zod';
import { formatBytes } from '../../lib/format.ts';

/** Content is typed, or a file's bytes as they are: `file` counts when there is one. */
export function contentForm(maxBytes: number) {
  return z
    .object({
      name: z.string().refine((name) => ResourceName.safeParse(name).success, 'Use 1 to 63 letters, digits, "_", "." or "-", starting with a letter or digit'),
      text: z.string(),
      file: z.instanceof(Uint8Array).nullable(),
    })
    .superRefine((form, context) => {
      const size = toBytes(form).length;
      if (size === 0) context.addIssue({ code: 'custom', path: ['text'], message: 'Enter what it holds, or choose a file' });
      if (size > maxBytes) context.addIssue({ code: 'custom', path: ['text'], message: `At most ${formatBytes(maxBytes)}; this has ${formatBytes(size)}` });
    });
}
export type ContentForm = z.infer<ReturnType<typeof contentForm>>;

function toBytes({ text, file }: Pick<ContentForm, 'text' | 'file'>): Uint8Array {
  return file ?? new TextEncoder().encode(text);
}

const chunk = 32_768;

export function toBase64(form: Pick<ContentForm, 'text' | 'file'>): string {
  const bytes = toBytes(form);
  let binary = '';
  for (let from = 0; from < bytes.length; from += chunk) binary += String.fromCharCode(...bytes.subarray(from, from + chunk));
  return btoa(binary);
}

/** null: these bytes are no text. */
export function fromBase64(data: string): string | null {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

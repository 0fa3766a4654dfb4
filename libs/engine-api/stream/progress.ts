import { toEngineError } from '../protocol/engine-error.ts';

/** One line of a progress stream (pull, push, load, build). */
export interface ProgressMessage {
  readonly status?: string;
  readonly stream?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly progress?: string;
  readonly aux?: unknown;
  readonly error?: string;
  readonly errorDetail?: { readonly code?: number; readonly message: string };
}

export function encodeProgress(message: ProgressMessage): string {
  return `${JSON.stringify(message)}\r\n`;
}

/** The last line of a stream that failed after its first byte. Both spellings: newer clients read only errorDetail. */
export function toErrorMessage(error: unknown, code?: number): ProgressMessage {
  const { message } = toEngineError(error);
  return { errorDetail: code === undefined ? { message } : { code, message }, error: message };
}

/** The bar the CLI of old printed itself: `[==>   ]  1.2MB/3.4MB`. Clients ignore it when they draw their own. */
export function progressBar(current: number, total: number, describe: (bytes: number) => string): string {
  const width = 50;
  if (total <= 0) return describe(current);
  const filled = Math.min(width, Math.floor((current / total) * width));
  const bar = filled >= width ? `${'='.repeat(width)}>` : `${'='.repeat(filled)}>${' '.repeat(width - filled)}`;
  return `[${bar.slice(0, width + 1)}]  ${describe(current)}/${describe(total)}`;
}

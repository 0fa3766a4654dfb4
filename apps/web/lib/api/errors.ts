import { ORPCError } from '@orpc/client';
import { problemOf } from './problem.ts';

/** Turns whatever a request failed with into a sentence for the person who asked. */
export function toSentence(error: unknown): string {
  if (!(error instanceof ORPCError)) {
    return error instanceof TypeError ? 'The control plane could not be reached.' : 'Something went wrong in the dashboard. Reload the page and try again.';
  }
  if (error.status === 401) return 'Your session has ended. Sign in again.';
  if (error.status === 429) return 'Too many attempts. Wait a minute and try again.';
  if (error.status === 502 || error.status === 504) return 'The control plane is not answering right now.';
  const parts = problemOf(error)?.errors.filter((part) => !error.message.includes(part.message)) ?? [];
  return [error.message, ...parts.map(({ field, message }) => (field ? `${field}: ${message}` : message))].map(asSentence).join(' ');
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof ORPCError && error.status === 401;
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ORPCError && error.status === 404;
}

export function isConflict(error: unknown): boolean {
  return error instanceof ORPCError && error.status === 409;
}

/** The api writes errors lower case and without a full stop, so that they chain; people read sentences. */
function asSentence(message: string): string {
  const text = message.trim();
  if (text === '') return 'The request failed.';
  const capitalised = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(capitalised) ? capitalised : `${capitalised}.`;
}

/**
 * Who can mend it: the `user` by asking for something else, the operator or time (`operational`), or we by changing the code (`bug`).
 * The edge maps code → HTTP status, Engine API status or wire error; nobody else does.
 */
export type ErrorKind = 'user' | 'operational' | 'bug';

export const errorCodes = [
  'invalid',
  'not-found',
  'conflict',
  'not-modified',
  'precondition-failed',
  'precondition-required',
  'unauthorized',
  'forbidden',
  'wrong-state',
  'command-not-found',
  'permission-denied',
  'digest-mismatch',
  'too-large',
  'no-space',
  'unsupported',
  'unavailable',
  'rate-limited',
  'timeout',
  'cancelled',
  'corrupt',
  'failed',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

export interface ErrorDetail {
  readonly cause?: unknown;
  /** The part of the request at fault, as a path: `hostConfig.memory`. */
  readonly field?: string;
}

/** `message` says what this layer was trying, lower case, no full stop; what went wrong below it is `cause`. */
export class GantryError extends Error {
  override readonly name = 'GantryError';
  readonly kind: ErrorKind;
  readonly code: ErrorCode;
  readonly field: string | null;

  constructor(kind: ErrorKind, code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.kind = kind;
    this.code = code;
    this.field = detail.field ?? null;
  }
}

/** The request makes no sense, now or ever. */
export function invalid(message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('user', 'invalid', message, detail);
}

export function notFound(message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('user', 'not-found', message, detail);
}

/** Something else holds the name, the port, the address; or the thing is in use. */
export function conflict(message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('user', 'conflict', message, detail);
}

/** The thing exists but is not in a state that allows this. */
export function wrongState(message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('user', 'wrong-state', message, detail);
}

/** Already so: nothing was done (Docker's 304). */
export function notModified(message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('user', 'not-modified', message, detail);
}

export function operational(code: ErrorCode, message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('operational', code, message, detail);
}

export function bug(message: string, detail?: ErrorDetail): GantryError {
  return new GantryError('bug', 'failed', message, detail);
}

export function hasCode(error: unknown, code: ErrorCode): error is GantryError {
  return error instanceof GantryError && error.code === code;
}

const systemCodes: Readonly<Record<string, ErrorCode>> = {
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  EACCES: 'permission-denied',
  EPERM: 'permission-denied',
  ECONNREFUSED: 'unavailable',
  ETIMEDOUT: 'timeout',
};

/** Wraps whatever was thrown below; an error that already has a code keeps it. */
export function whileTrying(message: string, cause: unknown): GantryError {
  if (cause instanceof GantryError) return new GantryError(cause.kind, cause.code, message, { cause, ...(cause.field === null ? {} : { field: cause.field }) });
  if (cause instanceof Error && cause.name === 'AbortError') return operational('cancelled', message, { cause });
  if (cause instanceof Error && 'code' in cause && typeof cause.code === 'string') return operational(systemCodes[cause.code] ?? 'failed', message, { cause });
  return new GantryError(cause instanceof TypeError || cause instanceof ReferenceError ? 'bug' : 'operational', 'failed', message, { cause });
}

/** The whole chain in one line: `start container x: create network: no such bridge`. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  let current: unknown = error;
  while (current instanceof Error && parts.length < 12) {
    if (parts.at(-1) !== current.message) parts.push(current.message);
    current = current.cause;
  }
  if (parts.length === 0) parts.push(String(error));
  return parts.join(': ');
}

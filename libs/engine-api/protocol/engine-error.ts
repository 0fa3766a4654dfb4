import { describeError, type ErrorCode, GantryError } from '@gantry/platform/errors';

/** An answer other than success. Its message is API: clients match on it, so it is written exactly as Docker words it. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly status: number;

  constructor(status: number, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.status = status;
  }
}

/** For what cannot be read; the cause is what the reader said. */
export function badRequest(message: string, options?: { cause?: unknown }): EngineError {
  return new EngineError(400, message, options);
}

const statusOfCode: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  'not-found': 404,
  conflict: 409,
  'not-modified': 304,
  'precondition-failed': 412,
  'precondition-required': 428,
  unauthorized: 401,
  forbidden: 403,
  'wrong-state': 409,
  'command-not-found': 400,
  'permission-denied': 400,
  'digest-mismatch': 400,
  'too-large': 413,
  'no-space': 500,
  unsupported: 501,
  unavailable: 503,
  'rate-limited': 429,
  timeout: 500,
  cancelled: 499,
  corrupt: 500,
  failed: 500,
};

/** The only place where an error becomes a status and a message of the Engine API. */
export function toEngineError(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (error instanceof GantryError) return new EngineError(statusOfCode[error.code], describeError(error), { cause: error });
  return new EngineError(500, describeError(error), { cause: error });
}

import type { ExecutorError } from '@gantry/contracts/executor';
import { type ErrorCode, GantryError } from '@gantry/platform/errors';

const codes: Readonly<Record<ExecutorError['code'], ErrorCode>> = {
  invalid: 'invalid',
  'not-found': 'not-found',
  exists: 'conflict',
  'wrong-state': 'wrong-state',
  'command-not-found': 'command-not-found',
  'permission-denied': 'permission-denied',
  'digest-mismatch': 'digest-mismatch',
  'too-large': 'too-large',
  'no-space': 'no-space',
  unsupported: 'unsupported',
  failed: 'failed',
};

export function fromExecutorError(error: ExecutorError): GantryError {
  return new GantryError(error.kind, codes[error.code], error.message, error.field === undefined ? {} : { field: error.field });
}

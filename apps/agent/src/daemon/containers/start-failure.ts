import { EngineError, toEngineError } from '@gantry/engine-api/protocol';
import { describeError, hasCode } from '@gantry/platform/errors';

/**
 * The CLI turns these phrases into exit codes: 127 when a program is missing, 126 when it may not run, 125 for the rest.
 * The words are runc's, because that is what the clients know.
 */
export function startFailure(error: unknown): EngineError {
  const prefix = 'failed to create task for container: failed to create shim task: OCI runtime create failed: unable to start container process';
  const detail = describeError(error);
  if (hasCode(error, 'command-not-found')) {
    const phrase = /executable file not found|no such file or directory/.test(detail) ? detail : `${detail}: executable file not found in $PATH`;
    return new EngineError(400, `${prefix}: ${phrase}`, { cause: error });
  }
  if (hasCode(error, 'permission-denied')) {
    return new EngineError(400, `${prefix}: ${/permission denied/.test(detail) ? detail : `${detail}: permission denied`}`, { cause: error });
  }
  return toEngineError(error);
}

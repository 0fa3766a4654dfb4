import { Button, type ButtonProps } from '@gantry/ui/button';
import { Tooltip } from '@gantry/ui/tooltip';
import type { Permission } from '../lib/permission.ts';

/** A button that, when it can not act, is disabled and says why. */
export function ActionButton({ can, ...props }: ButtonProps & { can: Permission }) {
  return (
    <Tooltip content={can.isAllowed ? undefined : can.reason}>
      <Button {...props} disabled={!can.isAllowed} />
    </Tooltip>
  );
}

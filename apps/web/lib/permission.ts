import { type Account, access, isAllowed, type Operation } from '@gantry/contracts/http-api';

/** Whether an action can be taken now, and if not, why, for the button's tooltip. */
export type Permission = { isAllowed: true } | { isAllowed: false; reason: string };

export const allowed: Permission = { isAllowed: true };

export function refused(reason: string): Permission {
  return { isAllowed: false, reason };
}

/** The first refusal counts. */
export function allOf(...permissions: Permission[]): Permission {
  return permissions.find((permission) => !permission.isAllowed) ?? allowed;
}

/** By the role table that the server's guard reads too. */
export function byRole(account: Account, operation: Operation): Permission {
  return isAllowed(account.role, operation) ? allowed : refused(`Needs the role ${access[operation]}; yours is ${account.role}`);
}

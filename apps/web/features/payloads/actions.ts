import type { Account } from '@gantry/contracts/http-api';
import { allOf, allowed, byRole, type Permission, refused } from '../../lib/permission.ts';
import type { Payload, PayloadKind } from './payload-calls.ts';

export const payloadCan = {
  create: (account: Account, kind: PayloadKind): Permission => byRole(account, `${kind}.create`),
  rotate: (account: Account, kind: PayloadKind): Permission => byRole(account, `${kind}.rotate`),
  remove: (account: Account, kind: PayloadKind, payload: Payload): Permission =>
    allOf(byRole(account, `${kind}.remove`), payload.services.length === 0 ? allowed : refused(`Used by ${payload.services.join(', ')}`)),
};

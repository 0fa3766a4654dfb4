import type { Account } from '@gantry/contracts/http-api';
import { byRole, type Permission } from '../../lib/permission.ts';

export const stackCan = {
  deploy: (account: Account): Permission => byRole(account, 'stacks.deploy'),
  remove: (account: Account): Permission => byRole(account, 'stacks.remove'),
};

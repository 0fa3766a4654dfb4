import type { Account, ClusterNode } from '@gantry/contracts/http-api';
import { allOf, allowed, byRole, type Permission, refused } from '../../lib/permission.ts';

export const nodeCan = {
  setAvailability: (account: Account): Permission => byRole(account, 'nodes.update'),
  edit: (account: Account): Permission => byRole(account, 'nodes.update'),
  remove: (account: Account, node: ClusterNode): Permission =>
    allOf(byRole(account, 'nodes.remove'), node.status.state === 'ready' ? refused('The node is connected: stop its agent first') : allowed),
  add: (account: Account): Permission => byRole(account, 'nodes.createJoinToken'),
  listContainers: (node: ClusterNode): Permission => (node.status.state === 'ready' ? allowed : refused('The node is not connected')),
};

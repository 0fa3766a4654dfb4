import type { Account, Service, ServiceRevision } from '@gantry/contracts/http-api';
import { allOf, allowed, byRole, type Permission, refused } from '../../lib/permission.ts';

export const serviceCan = {
  create: (account: Account): Permission => byRole(account, 'services.create'),
  scale: (account: Account, service: Service): Permission =>
    allOf(
      byRole(account, 'services.scale'),
      notRemoving(service),
      service.spec.mode.type === 'global' ? refused('A global service runs one task on every node') : allowed,
    ),
  edit: (account: Account, service: Service): Permission => allOf(byRole(account, 'services.update'), notRemoving(service)),
  rollBack: (account: Account, service: Service, revision: ServiceRevision): Permission =>
    allOf(
      byRole(account, 'services.rollback'),
      notRemoving(service),
      revision.isWanted && revision.revision === service.revision ? refused('This is what the service is now') : allowed,
    ),
  steerUpdate: (account: Account, service: Service): Permission => allOf(byRole(account, 'services.promote'), notRemoving(service)),
  remove: (account: Account, service: Service): Permission => allOf(byRole(account, 'services.remove'), notRemoving(service)),
};

function notRemoving(service: Service): Permission {
  return service.status.state === 'removing' ? refused('The service is being removed') : allowed;
}

import type { Service } from '@gantry/contracts/http-api';

/** The service as it will be once the control plane has taken the new number; the version stays, so that any report of it wins. */
export function withReplicas(service: Service, replicas: number): Service {
  return {
    ...service,
    spec: { ...service.spec, mode: { type: 'replicated', replicas } },
    status: { ...service.status, desiredTasks: replicas, state: replicas === service.status.runningTasks ? service.status.state : 'updating' },
  };
}

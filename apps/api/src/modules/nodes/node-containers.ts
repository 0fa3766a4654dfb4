import type { NodeContainer } from '@gantry/contracts/http-api';
import { z } from 'zod';

/** The label by which an agent marks the containers of tasks; the same as Swarm's. */
const taskLabel = 'com.docker.swarm.task.id';

/** The part of Docker's container summary that is shown. */
export const EngineContainers = z.array(
  z.object({
    Id: z.string(),
    Names: z.array(z.string()).nullish(),
    Image: z.string(),
    State: z.string(),
    Status: z.string(),
    Created: z.number(),
    Labels: z.record(z.string(), z.string()).nullish(),
    Ports: z.array(z.object({ IP: z.string().optional(), PrivatePort: z.number(), PublicPort: z.number().optional(), Type: z.string() })).nullish(),
  }),
);

export function toNodeContainers(containers: z.infer<typeof EngineContainers>): z.infer<typeof NodeContainer>[] {
  return containers.map((container) => ({
    id: container.Id,
    name: (container.Names?.[0] ?? container.Id.slice(0, 12)).replace(/^\//, ''),
    image: container.Image,
    state: container.State,
    status: container.Status,
    createdAt: new Date(container.Created * 1_000).toISOString(),
    taskId: container.Labels?.[taskLabel] ?? null,
    ports: (container.Ports ?? []).map((port) => ({
      hostIp: port.IP ?? null,
      hostPort: port.PublicPort ?? null,
      containerPort: port.PrivatePort,
      protocol: port.Type,
    })),
  }));
}

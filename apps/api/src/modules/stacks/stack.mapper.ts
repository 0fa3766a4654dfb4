import type { Stack } from '@gantry/contracts/http-api';
import { StackId } from '@gantry/contracts/ids';
import type { Prisma } from '../../persistence/generated/client.ts';

export const withServiceCount = { _count: { select: { services: true } } } as const;
export type StackRow = Prisma.StackGetPayload<{ include: typeof withServiceCount }>;
type StackContract = ReturnType<typeof Stack.parse>;

export function toStack(row: StackRow): StackContract {
  return {
    id: StackId.parse(row.id),
    version: row.version,
    name: row.name,
    services: row._count.services,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

import { z } from 'zod';
import { StackId } from '../ids/index.ts';
import { listQuery, nameFilter } from './list-query.ts';
import { pageOf, recordVersion, timestamp } from './page.ts';
import { ResourceName, Service } from './service.ts';

export const Stack = z.object({
  id: StackId,
  version: recordVersion,
  name: ResourceName,
  services: z.number().int().nonnegative(),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type Stack = z.infer<typeof Stack>;
export const StackPage = pageOf(Stack);
export const StackListQuery = listQuery(Stack, nameFilter);
export type StackListQuery = z.infer<typeof StackListQuery>;

/** `compose` is the text of a Compose file; keys that are not supported are errors that name them. */
export const StackDeploy = z.object({ compose: z.string().min(1).max(1_000_000) });
export const StackDeployed = z.object({ stack: Stack, services: z.array(Service) });

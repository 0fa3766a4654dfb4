import { z } from 'zod';
import { PayloadId } from '../ids/index.ts';
import { labelFilter, listQuery, nameFilter } from './list-query.ts';
import { pageOf, recordVersion, timestamp } from './page.ts';
import { labels, ResourceName } from './service.ts';

/** In bytes, before base64; Docker's. */
export const maxSecretBytes = 500 * 1024;
export const maxConfigBytes = 1000 * 1024;

function base64Of(maxBytes: number) {
  return z
    .base64('expected base64')
    .min(4, 'expected at least one byte')
    .refine((text) => (text.length / 4) * 3 - (text.match(/=+$/)?.[0].length ?? 0) <= maxBytes, `expected at most ${maxBytes / 1024} KiB`);
}

const PayloadVersion = z.object({ number: z.number().int().positive(), sizeBytes: z.number().int().nonnegative(), createdAt: timestamp });

const payload = {
  id: PayloadId,
  version: recordVersion,
  name: ResourceName,
  labels,
  /** The latest last; older ones are kept while a revision uses them, and the last ten in any case. */
  versions: z.array(PayloadVersion),
  /** Names of the services that use it. */
  services: z.array(z.string()),
  createdAt: timestamp,
  updatedAt: timestamp,
};

/** What it holds is written and never answered: only nodes that run a task that uses it get it. */
export const Secret = z.object(payload);
export type Secret = z.infer<typeof Secret>;
export const SecretPage = pageOf(Secret);
/** `data` is base64. */
export const SecretCreate = z.object({ name: ResourceName, labels: labels.default({}), data: base64Of(maxSecretBytes) });
export const SecretRotate = SecretCreate.pick({ data: true });

export const Config = z.object(payload);
export type Config = z.infer<typeof Config>;
export const ConfigPage = pageOf(Config);
export const ConfigCreate = SecretCreate.extend({ data: base64Of(maxConfigBytes) });
export const ConfigRotate = ConfigCreate.pick({ data: true });
export const ConfigContent = z.object({ number: z.number().int().positive(), data: z.base64() });

export const PayloadListQuery = listQuery(Secret, { ...nameFilter, ...labelFilter });
export type PayloadListQuery = z.infer<typeof PayloadListQuery>;

import type { ServiceSpec } from '@gantry/contracts/http-api';
import { invalid } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { Transaction } from '../../persistence/database.ts';
import { type PayloadReference, PayloadRepository } from './payload.repository.ts';

const kinds = [
  { kind: 'secret', list: 'secrets' },
  { kind: 'config', list: 'configs' },
] as const;

/** What the names in a spec stand for. */
@Injectable()
export class PayloadUses {
  constructor(@Inject(PayloadRepository) private readonly payloads: PayloadRepository) {}

  /** The versions that a new revision with this spec brings to its tasks, by id; part of the caller's transaction. `field` is the spec's path. */
  async resolve(transaction: Transaction, { task }: ServiceSpec, field: string): Promise<PayloadReference[]> {
    const uses = new Map<string, PayloadReference>();
    for (const { kind, list } of kinds) {
      const names = task[list].map((use) => use.name);
      if (names.length === 0) continue;
      const latest = await this.payloads.lockLatest(transaction, kind, names);
      for (const [index, name] of names.entries()) {
        const reference = latest.get(name);
        if (reference === undefined) throw invalid(`there is no ${kind} ${name}`, { field: `${field}task.${list}.${index}.name` });
        uses.set(reference.payloadId, reference);
      }
    }
    return [...uses.values()].sort((a, b) => (a.payloadId < b.payloadId ? -1 : 1));
  }
}

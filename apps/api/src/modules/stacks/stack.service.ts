import type { ServiceSpec, Stack, StackDeployed, StackListQuery } from '@gantry/contracts/http-api';
import { parseCompose } from '@gantry/domain/compose';
import { conflict, GantryError, invalid, notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { recordChanges } from '../../persistence/changes.ts';
import { checkIfMatch } from '../../persistence/conditions.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { type ServiceRow, toService } from '../services/service.mapper.ts';
import { ServiceRepository } from '../services/service.repository.ts';
import { changesOfServices, ServiceService } from '../services/service.service.ts';
import { toStack } from './stack.mapper.ts';
import { StackRepository } from './stack.repository.ts';

function parseServices(name: string, compose: string): ServiceSpec[] {
  const parsed = parseCompose(name, compose);
  if (parsed.kind === 'parsed') return parsed.services;
  const sentences = parsed.faults.map(({ key, message }) => (key === '' ? message : `${key}: ${message}`));
  throw invalid(sentences.join('; '), { field: `compose${parsed.faults[0]?.key ? `.${parsed.faults[0].key}` : ''}` });
}

/** A fault that a service finds in its spec, at the place in the file it came from. */
function atService<T>(name: string, stackName: string, work: Promise<T>): Promise<T> {
  return work.catch((error: unknown) => {
    if (!(error instanceof GantryError) || error.kind !== 'user') throw error;
    const service = name.slice(stackName.length + 1);
    throw new GantryError('user', error.code, `services.${service}: ${error.message}`, { cause: error, field: `compose.services.${service}` });
  });
}

@Injectable()
export class StackService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(StackRepository) private readonly stacks: StackRepository,
    @Inject(ServiceRepository) private readonly services: ServiceRepository,
    @Inject(ServiceService) private readonly changes: ServiceService,
  ) {}

  async list(query: StackListQuery): Promise<Page<z.infer<typeof Stack>>> {
    const [after] = decodeCursor(query.cursor, 1) ?? [null];
    return toPage(await this.stacks.list(query, after ?? null, query.limit + 1), query.limit, (row) => [row.name], toStack);
  }

  /** Services that the file names are made or changed, those it no longer names are removed: all of it or nothing. */
  deploy(name: string, compose: string): Promise<z.infer<typeof StackDeployed>> {
    const specs = parseServices(name, compose);
    return this.database.transaction(async (transaction) => {
      const stack = await this.stacks.ensureLocked(transaction, name, compose);
      checkIfMatch(`stack ${name}`, stack);
      if (stack.isRemoving) throw wrongState(`stack ${name} is being removed: deploy it again when it is gone`);
      const existing = new Map((await this.services.findOfStack(transaction, stack.id)).map((row) => [row.name, row]));
      const touched: string[] = [];
      for (const spec of specs)
        touched.push(
          ...(await atService(spec.name, name, this.#deployService(transaction, stack.id, { spec, others: specs, existing: existing.get(spec.name) }))),
        );
      const wanted = new Set(specs.map((spec) => spec.name));
      const dropped = [...existing.values()].filter((row) => !wanted.has(row.name) && !row.isRemoving).map((row) => row.id);
      await this.services.markRemoving(transaction, dropped);
      const changed = await this.stacks.update(transaction, stack.id, { compose });
      await recordChanges(transaction, { ...changesOfServices([...touched, ...dropped]), stacks: [stack.id] });
      const rows = await this.services.findOfStack(transaction, stack.id);
      return { stack: toStack(changed), services: rows.filter((row) => wanted.has(row.name)).map(toService) };
    });
  }

  remove(name: string): Promise<Record<never, never>> {
    return this.database.transaction(async (transaction) => {
      const stack = await this.stacks.lock(transaction, name);
      if (stack === null) throw notFound(`there is no stack ${name}`);
      checkIfMatch(`stack ${name}`, stack);
      const ids = (await this.services.findOfStack(transaction, stack.id)).map((row) => row.id);
      await this.services.markRemoving(transaction, ids);
      await this.stacks.update(transaction, stack.id, { isRemoving: true });
      const changes = changesOfServices(ids);
      await recordChanges(transaction, { ...changes, stacks: [stack.id], wake: [...(changes.wake ?? []), { loop: 'stack', key: stack.id }] });
      return {};
    });
  }

  /** Answers the service's id when there was anything to do. */
  async #deployService(
    transaction: Transaction,
    stackId: string,
    { spec, others, existing }: { spec: ServiceSpec; others: readonly ServiceSpec[]; existing: ServiceRow | undefined },
  ): Promise<string[]> {
    if (existing === undefined) return [await this.changes.add(transaction, { spec, stackId, others })];
    if (existing.isRemoving) throw conflict(`service ${spec.name} is still being removed: try again in a moment`);
    const row = (await this.services.lock(transaction, existing.id)) ?? existing;
    return (await this.changes.change(transaction, row, { spec, field: '', stackId, others })) ? [row.id] : [];
  }
}

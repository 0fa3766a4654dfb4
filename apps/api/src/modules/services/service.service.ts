import { isDeepStrictEqual } from 'node:util';
import type { PublishedPort, Service, ServiceSpec } from '@gantry/contracts/http-api';
import { allotPorts } from '@gantry/domain/network';
import { checkServiceSpec } from '@gantry/domain/service';
import { conflict, invalid, notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { type Changes, recordChanges } from '../../persistence/changes.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { newId } from '../../persistence/new-id.ts';
import { type ServiceRow, toPorts, toService } from './service.mapper.ts';
import { ServiceRepository } from './service.repository.ts';

type Query = { limit: number; cursor?: string | undefined; stackId?: string | undefined; name?: string | undefined };

/** What a change of a service asks for: the browsers are told and its reconciler looks. */
export function changesOfServices(ids: readonly string[]): Changes {
  return { services: ids, wake: ids.map((key) => ({ loop: 'service', key })) };
}

function refuseFaults(spec: ServiceSpec, prefix: string): void {
  const [fault] = checkServiceSpec(spec);
  if (fault !== undefined) throw invalid(`${prefix}${fault.field}: ${fault.message}`, { field: `${prefix}${fault.field}` });
}

@Injectable()
export class ServiceService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ServiceRepository) private readonly services: ServiceRepository,
  ) {}

  async list(query: Query): Promise<Page<Service>> {
    const [after] = decodeCursor(query.cursor, 1) ?? [null];
    const rows = await this.services.list(query, after ?? null, query.limit + 1);
    return toPage(rows, query.limit, (row) => [row.name], toService);
  }

  async get(id: string): Promise<Service> {
    const row = await this.services.find(id);
    if (row === null) throw notFound(`there is no service ${id}`);
    return toService(row);
  }

  create(spec: ServiceSpec): Promise<Service> {
    return this.database.transaction(async (transaction) => {
      const id = await this.add(transaction, { spec, stackId: null });
      await recordChanges(transaction, changesOfServices([id]));
      return this.#read(transaction, id);
    });
  }

  /** Replaces the spec, if nobody has changed it since the caller read `version`. */
  update(id: string, version: number, spec: ServiceSpec): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      if (version < row.specVersion || version > row.version)
        throw conflict(`service ${row.name} has changed since version ${version}: it is at ${row.version}`, { field: 'version' });
      if (spec.name !== row.name && (await this.services.isNameTaken(transaction, spec.name)))
        throw conflict(`there is a service ${spec.name} already`, { field: 'spec.name' });
      await this.change(transaction, row, { spec, field: 'spec.' });
    });
  }

  scale(id: string, replicas: number): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      const { spec } = toService(row);
      if (spec.mode.type !== 'replicated') throw wrongState(`service ${row.name} is global: it has one task on each node`);
      if (spec.mode.replicas === replicas) return;
      await this.change(transaction, row, { spec: { ...spec, mode: { type: 'replicated', replicas } }, field: '' });
    });
  }

  /** Its tasks end first, then it is gone. */
  async remove(id: string): Promise<Record<never, never>> {
    await this.#change(id, async (transaction, row) => this.services.markRemoving(transaction, [row.id]));
    return {};
  }

  /** Part of the caller's transaction, which also records the change. */
  async add(transaction: Transaction, { spec, stackId }: { spec: ServiceSpec; stackId: string | null }): Promise<string> {
    refuseFaults(spec, '');
    if (await this.services.isNameTaken(transaction, spec.name)) throw conflict(`there is a service ${spec.name} already`, { field: 'name' });
    const id = newId();
    await this.services.insert(transaction, { id, stackId, spec, ports: await this.#allotPorts(transaction, id, spec, [], '') });
    return id;
  }

  /** Part of the caller's transaction; the row is locked. Answers whether there was anything to change. */
  async change(transaction: Transaction, row: ServiceRow, change: { spec: ServiceSpec; field: string; stackId?: string }): Promise<boolean> {
    const { spec, field } = change;
    refuseFaults(spec, field);
    const before = toService(row);
    const isMoved = change.stackId !== undefined && change.stackId !== row.stackId;
    if (isDeepStrictEqual(before.spec, spec) && !isMoved) return false;
    const ports = await this.#allotPorts(transaction, row.id, spec, toPorts(row.ports), field);
    const isTaskChanged =
      !isDeepStrictEqual(before.spec.task, spec.task) || !isDeepStrictEqual(before.ports, ports) || before.spec.mode.type !== spec.mode.type;
    await this.services.revise(transaction, row, { spec, ports, isTaskChanged, ...(change.stackId === undefined ? {} : { stackId: change.stackId }) });
    return true;
  }

  #change(id: string, apply: (transaction: Transaction, row: ServiceRow) => Promise<void>): Promise<Service> {
    return this.database.transaction(async (transaction) => {
      const row = await this.services.lock(transaction, id);
      if (row === null) throw notFound(`there is no service ${id}`);
      if (row.isRemoving) throw wrongState(`service ${row.name} is being removed`);
      await apply(transaction, row);
      await recordChanges(transaction, changesOfServices([id]));
      return this.#read(transaction, id);
    });
  }

  async #read(transaction: Transaction, id: string): Promise<Service> {
    const row = await this.services.find(id, transaction);
    if (row === null) throw notFound(`there is no service ${id}`);
    return toService(row);
  }

  async #allotPorts(transaction: Transaction, id: string, spec: ServiceSpec, previous: PublishedPort[], field: string): Promise<PublishedPort[]> {
    if (spec.ports.length === 0) return [];
    const allotment = allotPorts(spec.ports, previous, await this.services.lockTakenPorts(transaction, id));
    if (allotment.kind === 'refused') throw conflict(allotment.reason, { field: `${field}ports.${allotment.index}.publishedPort` });
    return allotment.ports;
  }
}

import { isDeepStrictEqual } from 'node:util';
import type { PublishedPort, Service, ServiceListQuery, ServiceRevision, ServiceSpec } from '@gantry/contracts/http-api';
import { isJobMode } from '@gantry/domain/job';
import { allotPorts } from '@gantry/domain/network';
import { checkDependencies, checkServiceSpec, type SpecFault } from '@gantry/domain/service';
import { conflict, invalid, notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { type Changes, recordChanges } from '../../persistence/changes.ts';
import { checkIfMatch, requireVersion } from '../../persistence/conditions.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { newId } from '../../persistence/new-id.ts';
import { rollBackTasks } from '../../persistence/roll-back-tasks.ts';
import { type PayloadReference, PayloadRepository } from '../payloads/payload.repository.ts';
import { PayloadUses } from '../payloads/payload-uses.ts';
import { type ServiceRow, toPorts, toRevision, toService } from './service.mapper.ts';
import { ServiceRepository, type TaskChange } from './service.repository.ts';

type Query = { limit: number; cursor?: string | undefined };

/** What a change of a service asks for: the browsers are told and its reconciler looks. */
export function changesOfServices(ids: readonly string[]): Changes {
  return { services: ids, wake: ids.map((key) => ({ loop: 'service', key })) };
}

function refuse([fault]: readonly SpecFault[], prefix: string): void {
  if (fault !== undefined) throw invalid(`${prefix}${fault.field}: ${fault.message}`, { field: `${prefix}${fault.field}` });
}

interface ServiceChange {
  readonly spec: ServiceSpec;
  /** Where the spec is in what the caller sent. */
  readonly field: string;
  readonly stackId?: string;
  /** What is changed along with it. */
  readonly others?: readonly ServiceSpec[];
}

interface WhatRuns {
  readonly spec: ServiceSpec;
  readonly ports: PublishedPort[];
  readonly payloads: readonly PayloadReference[];
}

/** Tasks of the one do for the other. */
function areAlike(one: WhatRuns, other: WhatRuns): boolean {
  const runs = ({ spec, ports, payloads }: WhatRuns) => [spec.task, spec.mode.type, ports, payloads];
  return isDeepStrictEqual(runs(one), runs(other));
}

/** Its tasks are on their way to the wanted revision, or not yet proven there. */
function isUpdating(row: ServiceRow): boolean {
  return row.rolledBackFrom === null && row.settledRevision !== row.taskRevision && !isJobMode(toService(row).spec.mode);
}

function toRevisionNumber(cursor: string | undefined): number | null {
  const [number] = decodeCursor(cursor, 1) ?? [];
  if (number === undefined) return null;
  if (!/^\d{1,9}$/.test(number)) throw invalid('cursor is of another list', { field: 'cursor' });
  return Number(number);
}

@Injectable()
export class ServiceService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(ServiceRepository) private readonly services: ServiceRepository,
    @Inject(PayloadRepository) private readonly payloads: PayloadRepository,
    @Inject(PayloadUses) private readonly uses: PayloadUses,
  ) {}

  async list(query: ServiceListQuery): Promise<Page<Service>> {
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
  update(id: string, version: number | undefined, spec: ServiceSpec): Promise<Service> {
    requireVersion(version);
    return this.#change(id, async (transaction, row) => {
      if (version !== undefined && (version < row.specVersion || version > row.version))
        throw conflict(`service ${row.name} has changed since version ${version}: it is at ${row.version}`, { field: 'version' });
      await this.change(transaction, row, { spec, field: 'spec.' });
    });
  }

  async revisions(id: string, query: Query): Promise<Page<ServiceRevision>> {
    const row = await this.services.find(id);
    if (row === null) throw notFound(`there is no service ${id}`);
    const rows = await this.services.listRevisions(id, toRevisionNumber(query.cursor), query.limit + 1);
    return toPage(
      rows,
      query.limit,
      (revision) => [String(revision.number)],
      (revision) => toRevision(revision, row.taskRevision),
    );
  }

  /** A new revision with the spec of an earlier one; null: of the one before, or of the one that a failed update went back to. */
  rollback(id: string, number: number | null): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      const wanted = number ?? (row.rolledBackFrom === null ? null : row.taskRevision);
      const revision =
        wanted === null ? await this.services.findRevisionBefore(transaction, id, row.revision) : await this.services.findRevision(transaction, id, wanted);
      if (revision === null) {
        const missing = wanted === null ? `no revision before ${row.revision}` : `no revision ${wanted}`;
        throw notFound(`service ${row.name} has ${missing}: it was never there, or is kept no longer`, { field: 'revision' });
      }
      const isChanged = await this.change(transaction, row, { spec: toRevision(revision, row.taskRevision).spec, field: 'spec.' });
      if (!isChanged) throw wrongState(`the spec of service ${row.name} is what it was at revision ${revision.number} already`, { field: 'revision' });
    });
  }

  scale(id: string, replicas: number): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      const { spec } = toService(row);
      if (spec.mode.type !== 'replicated') throw wrongState(`service ${row.name} is ${spec.mode.type}: it has no number of tasks to set`);
      if (spec.mode.replicas === replicas) return;
      await this.change(transaction, row, { spec: { ...spec, mode: { type: 'replicated', replicas } }, field: '' });
    });
  }

  /** Lets an update go on after its canary. */
  promote(id: string): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      if (toService(row).spec.update.canary === undefined || !isUpdating(row)) throw wrongState(`service ${row.name} has no canary that could be promoted`);
      await this.services.setRollout(transaction, row, { promotedRevision: row.taskRevision });
    });
  }

  /** Goes back to the tasks of before the update; the spec stays as the user wrote it. */
  abort(id: string): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      if (!isUpdating(row) || !(await rollBackTasks(transaction, row))) throw wrongState(`service ${row.name} has no update under way`);
    });
  }

  setPaused(id: string, isUpdatePaused: boolean): Promise<Service> {
    return this.#change(id, async (transaction, row) => {
      if (row.isUpdatePaused !== isUpdatePaused) await this.services.setRollout(transaction, row, { isUpdatePaused });
    });
  }

  /** Its tasks end first, then it is gone. */
  async remove(id: string): Promise<Record<never, never>> {
    await this.#change(id, async (transaction, row) => this.services.markRemoving(transaction, [row.id]));
    return {};
  }

  /** Part of the caller's transaction, which also records the change. */
  async add(
    transaction: Transaction,
    { spec, stackId, others = [] }: { spec: ServiceSpec; stackId: string | null; others?: readonly ServiceSpec[] },
  ): Promise<string> {
    refuse(checkServiceSpec(spec), '');
    if (await this.services.isNameTaken(transaction, spec.name)) throw conflict(`there is a service ${spec.name} already`, { field: 'name' });
    await this.#checkDependencies(transaction, spec, { others, field: '' });
    const id = newId();
    const payloads = await this.uses.resolve(transaction, spec, '');
    await this.services.insert(transaction, { id, stackId, spec, payloads, ports: await this.#allotPorts(transaction, id, spec, [], '') });
    return id;
  }

  /** Part of the caller's transaction; the row is locked. Answers whether there was anything to change. */
  async change(transaction: Transaction, row: ServiceRow, change: ServiceChange): Promise<boolean> {
    const { spec, field, others = [] } = change;
    refuse(checkServiceSpec(spec), field);
    const before = toService(row);
    const isMoved = change.stackId !== undefined && change.stackId !== row.stackId;
    if (isDeepStrictEqual(before.spec, spec) && !isMoved) return false;
    if (isJobMode(before.spec.mode) !== isJobMode(spec.mode))
      throw wrongState(`service ${row.name} can not become a job or cease to be one: remove it and make another`, { field: `${field}mode.type` });
    if (spec.name !== row.name && (await this.services.isNameTaken(transaction, spec.name)))
      throw conflict(`there is a service ${spec.name} already`, { field: `${field}name` });
    await this.#checkDependencies(transaction, spec, { others, field });
    const ports = await this.#allotPorts(transaction, row.id, spec, toPorts(row.ports), field);
    const payloads = await this.uses.resolve(transaction, spec, field);
    const tasks = await this.#compareTasks(transaction, row, { spec, ports, payloads });
    await this.services.revise(transaction, row, { spec, ports, payloads, tasks, ...(change.stackId === undefined ? {} : { stackId: change.stackId }) });
    return true;
  }

  /** Part of the caller's transaction; the row is locked. A new revision with the same spec, when what its names stand for has changed. */
  async bringUpToDate(transaction: Transaction, row: ServiceRow): Promise<boolean> {
    const { spec, ports } = toService(row);
    const payloads = await this.uses.resolve(transaction, spec, 'spec.');
    if (isDeepStrictEqual(payloads, await this.payloads.findUses(transaction, row.id, row.revision))) return false;
    // a job is not run again for it; its next run has the new version
    await this.services.revise(transaction, row, { spec, ports, payloads, tasks: isJobMode(spec.mode) ? 'kept' : 'replaced' });
    return true;
  }

  async #checkDependencies(transaction: Transaction, spec: ServiceSpec, { others, field }: { others: readonly ServiceSpec[]; field: string }): Promise<void> {
    if (spec.dependsOn === undefined || spec.dependsOn.length === 0) return;
    const graph = await this.services.findDependencies(transaction);
    for (const other of others)
      graph.set(
        other.name,
        (other.dependsOn ?? []).map(({ service }) => service),
      );
    refuse(checkDependencies(spec, graph), field);
  }

  async #compareTasks(transaction: Transaction, row: ServiceRow, next: WhatRuns): Promise<TaskChange> {
    const usesOf = (revision: number) => this.payloads.findUses(transaction, row.id, revision);
    if (areAlike({ ...toService(row), payloads: await usesOf(row.revision) }, next)) return 'kept';
    const wanted = row.rolledBackFrom === null ? null : await this.services.findRevision(transaction, row.id, row.taskRevision);
    if (wanted === null) return 'replaced';
    return areAlike({ ...toRevision(wanted, row.taskRevision), payloads: await usesOf(wanted.number) }, next) ? 'restored' : 'replaced';
  }

  #change(id: string, apply: (transaction: Transaction, row: ServiceRow) => Promise<void>): Promise<Service> {
    return this.database.transaction(async (transaction) => {
      const row = await this.services.lock(transaction, id);
      if (row === null) throw notFound(`there is no service ${id}`);
      checkIfMatch(`service ${row.name}`, row);
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

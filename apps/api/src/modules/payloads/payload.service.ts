import type { Config, PayloadListQuery, Secret } from '@gantry/contracts/http-api';
import { PayloadId } from '@gantry/contracts/ids';
import { conflict, notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { z } from 'zod';
import { decodeCursor, type Page, toPage } from '../../http/cursor.ts';
import { LOGGER, type Logger } from '../../logger.ts';
import { recordChanges } from '../../persistence/changes.ts';
import { checkIfMatch } from '../../persistence/conditions.ts';
import { Database, type Transaction } from '../../persistence/database.ts';
import { newId } from '../../persistence/new-id.ts';
import { VAULT, type Vault } from '../../vault/vault.ts';
import { ServiceRepository } from '../services/service.repository.ts';
import { changesOfServices, ServiceService } from '../services/service.service.ts';
import { contextOf, type PayloadKind, type PayloadReference, PayloadRepository, type PayloadRow, type PayloadUser } from './payload.repository.ts';

type Payload = Secret & Config;
type Query = PayloadListQuery;

const Labels = z.record(z.string(), z.string());
/** A rotation that finds a new user each time it looks gives up after so many. */
const mostLooks = 5;

function toPayload(row: PayloadRow, services: readonly string[]): Payload {
  return {
    id: PayloadId.parse(row.id),
    version: row.version,
    name: row.name,
    labels: Labels.parse(row.labels),
    versions: row.versions.map(({ number, size, createdAt }) => ({ number, sizeBytes: size, createdAt: createdAt.toISOString() })),
    services: [...services],
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

/** There is a user more than when they were locked: nothing is done, and it is looked at again. */
class UserAppeared extends Error {}

function namesOf(users: readonly PayloadUser[]): string[] {
  return users.map((user) => user.name).sort();
}

/** Secrets and configs. What they hold is in the clear only on its way from a request to the cipher and, in the dispatcher, from there to a node. */
@Injectable()
export class PayloadService implements OnApplicationBootstrap {
  constructor(
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(Database) private readonly database: Database,
    @Inject(VAULT) private readonly vault: Vault,
    @Inject(PayloadRepository) private readonly payloads: PayloadRepository,
    @Inject(ServiceRepository) private readonly services: ServiceRepository,
    @Inject(ServiceService) private readonly changes: ServiceService,
  ) {}

  /** After a key has come, everything is brought under it; a key that has gone is noticed before somebody needs it. */
  async onApplicationBootstrap(): Promise<void> {
    const used = await this.payloads.findKeyIds();
    if (!this.vault.isOpen) {
      if (used.length > 0) this.logger.error({ keyIds: used }, 'there are secrets and configs, and no keys to read them with');
      return;
    }
    const { keys } = this.vault;
    const lost = used.filter((keyId) => !keys.has(keyId));
    if (lost.length > 0) this.logger.error({ keyIds: lost }, 'some secrets and configs are encrypted with keys that are not here');
    for (const keyId of used) {
      if (keyId === keys.firstId || !keys.has(keyId)) continue;
      while ((await this.payloads.reseal(keyId, keys)) > 0);
      this.logger.info({ from: keyId, to: keys.firstId }, 'encrypted secrets and configs with the newer key');
    }
  }

  async list(kind: PayloadKind, query: Query): Promise<Page<Payload>> {
    const [after] = decodeCursor(query.cursor, 1) ?? [null];
    const rows = await this.payloads.list(kind, query, after ?? null, query.limit + 1);
    const users = Map.groupBy(await this.payloads.findUsers(rows.map((row) => row.id)), (user) => user.payloadId);
    return toPage(
      rows,
      query.limit,
      (row) => [row.name],
      (row) => toPayload(row, namesOf(users.get(row.id) ?? [])),
    );
  }

  get(kind: PayloadKind, id: string): Promise<Payload> {
    return this.#read(this.database.client, kind, id);
  }

  /** Of configs alone: what a secret holds is never answered. */
  async readConfig(id: string): Promise<{ number: number; data: string }> {
    const { latest: number } = this.#found(await this.payloads.find('config', id), 'config', id);
    const content = await this.#open(this.database.client, { payloadId: id, number });
    return { number, data: content.toString('base64') };
  }

  create(kind: PayloadKind, { name, labels, data }: { name: string; labels: Record<string, string>; data: string }): Promise<Payload> {
    return this.database.transaction(async (transaction) => {
      if (await this.payloads.isNameTaken(transaction, kind, name)) throw conflict(`there is a ${kind} ${name} already`, { field: 'name' });
      const reference = { payloadId: newId(), number: 1 };
      await this.payloads.insert(transaction, { id: reference.payloadId, kind, name, labels });
      await this.payloads.insertVersion(transaction, reference, this.#seal(reference, Buffer.from(data, 'base64')));
      return this.#read(transaction, kind, reference.payloadId);
    });
  }

  /** A new version, and a new revision of every service that uses it, so that their tasks are replaced by each one's own update policy. */
  async rotate(kind: PayloadKind, id: string, data: string): Promise<Payload> {
    const content = Buffer.from(data, 'base64');
    for (let look = 0; look < mostLooks; look += 1) {
      try {
        return await this.database.transaction((transaction) => this.#rotate(transaction, kind, id, content));
      } catch (error) {
        if (!(error instanceof UserAppeared)) throw error;
      }
    }
    throw conflict(`the services that use ${kind} ${id} keep changing: try again`);
  }

  remove(kind: PayloadKind, id: string): Promise<Record<never, never>> {
    return this.database.transaction(async (transaction) => {
      const row = this.#found(await this.payloads.lock(transaction, kind, id), kind, id);
      checkIfMatch(`${kind} ${row.name}`, row);
      const users = await this.payloads.findUsers([id], transaction);
      if (users.length > 0) throw conflict(`${kind} ${row.name} is used by ${namesOf(users).join(', ')}`);
      await this.payloads.remove(transaction, id);
      return {};
    });
  }

  /** Services are locked before what they use, as everywhere. */
  async #rotate(transaction: Transaction, kind: PayloadKind, id: string, content: Buffer): Promise<Payload> {
    const users = await this.payloads.findUsers([id], transaction);
    const locked = new Map<string, Awaited<ReturnType<ServiceRepository['lock']>>>();
    for (const user of users) locked.set(user.id, await this.services.lock(transaction, user.id));
    const row = this.#found(await this.payloads.lock(transaction, kind, id), kind, id);
    const current = await this.payloads.findUsers([id], transaction);
    if (current.some((user) => !locked.has(user.id))) throw new UserAppeared();
    checkIfMatch(`${kind} ${row.name}`, row);
    if (content.equals(await this.#open(transaction, { payloadId: id, number: row.latest }))) return this.#read(transaction, kind, id);
    const rolledBack = current.filter((user) => user.isRolledBack);
    if (rolledBack.length > 0) {
      throw wrongState(
        `${namesOf(rolledBack).join(', ')} went back to an earlier revision after an update that failed: change or roll back that first, so that it is clear what is to run with the new ${kind}`,
      );
    }
    const reference = { payloadId: id, number: row.latest + 1 };
    await this.payloads.rotate(transaction, reference, this.#seal(reference, content));
    const revised: string[] = [];
    for (const user of current) {
      const service = locked.get(user.id) ?? null;
      if (service === null || service.isRemoving) continue;
      if (await this.changes.bringUpToDate(transaction, service)) revised.push(user.id);
    }
    await this.payloads.forgetUnused(transaction, reference);
    await recordChanges(transaction, changesOfServices(revised));
    return this.#read(transaction, kind, id);
  }

  #seal(reference: PayloadReference, content: Buffer) {
    return { ...this.vault.keys.seal(content, contextOf(reference)), size: content.length };
  }

  async #open(transaction: Transaction, reference: PayloadReference): Promise<Buffer> {
    const [stored] = await this.payloads.findSealed([reference], transaction);
    if (stored === undefined) throw notFound(`there is no ${contextOf(reference)}`);
    return this.vault.keys.open(stored, contextOf(reference));
  }

  async #read(transaction: Transaction, kind: PayloadKind, id: string): Promise<Payload> {
    const row = this.#found(await this.payloads.find(kind, id, transaction), kind, id);
    return toPayload(row, namesOf(await this.payloads.findUsers([id], transaction)));
  }

  #found(row: PayloadRow | null, kind: PayloadKind, id: string): PayloadRow {
    if (row === null) throw notFound(`there is no ${kind} ${id}`);
    return row;
  }
}

import type { Secret } from '@gantry/contracts/http-api';
import { PayloadId } from '@gantry/contracts/ids';
import { makeId, now } from './records.ts';

type Payload = Secret;

/** The secrets, or the configs, of a cluster in memory. */
export class PayloadShelf {
  readonly #held = new Map<PayloadId, { payload: Payload; data: string }>();
  readonly #usersOf: (name: string) => string[];

  constructor(usersOf: (name: string) => string[]) {
    this.#usersOf = usersOf;
  }

  list(): Payload[] {
    return [...this.#held.values()].map(({ payload }) => ({ ...payload, services: this.#usersOf(payload.name) })).reverse();
  }

  get(id: PayloadId): Payload | undefined {
    return this.list().find((payload) => payload.id === id);
  }

  dataOf(id: PayloadId): string {
    return this.#held.get(id)?.data ?? '';
  }

  create({ name, labels, data }: Pick<Payload, 'name' | 'labels'> & { data: string }): Payload {
    const at = now();
    const payload = { id: PayloadId.parse(makeId()), version: 1, name, labels, versions: [], services: [], createdAt: at, updatedAt: at };
    return this.#keep(payload, data);
  }

  rotate(payload: Payload, data: string): Payload {
    return this.#keep({ ...payload, version: payload.version + 1, updatedAt: now() }, data);
  }

  remove(id: PayloadId): void {
    this.#held.delete(id);
  }

  #keep(payload: Payload, data: string): Payload {
    const number = (payload.versions.at(-1)?.number ?? 0) + 1;
    const version = { number, sizeBytes: Buffer.from(data, 'base64').length, createdAt: now() };
    const kept = { ...payload, versions: [...payload.versions, version] };
    this.#held.set(kept.id, { payload: kept, data });
    return kept;
  }
}

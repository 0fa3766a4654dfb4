import type { LiveEvent } from '@gantry/contracts/live';

const maxRecords = 10_000;

function recordOf(event: LiveEvent): { readonly id: string; readonly version: number } | null {
  switch (event.type) {
    case 'node.changed':
      return event.node;
    case 'stack.changed':
      return event.stack;
    case 'service.changed':
      return event.service;
    case 'task.changed':
      return event.task;
    default:
      return null;
  }
}

/**
 * What browsers were told last of each record, of the 10,000 told of most recently. A change can be read along with the one before it, ahead of
 * its own signal; it is not told again when that arrives.
 */
export class ToldVersions {
  readonly #versions = new Map<string, number>();

  /** True once for each version of a record, and for everything that has none. */
  isNews(event: LiveEvent): boolean {
    const record = recordOf(event);
    if (record === null) return true;
    const told = this.#versions.get(record.id);
    if (told !== undefined && told >= record.version) return false;
    this.#versions.delete(record.id);
    this.#versions.set(record.id, record.version);
    for (const id of this.#versions.keys()) {
      if (this.#versions.size <= maxRecords) break;
      this.#versions.delete(id);
    }
    return true;
  }
}

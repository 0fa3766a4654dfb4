import type { LiveEvent } from '@gantry/contracts/live';
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import type { Api } from '../api/client.ts';
import type { RereadQueue } from './reread-queue.ts';

interface Versioned {
  id: string;
  version: number;
}

interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** Keys of a list query's input that narrow it by a field of its records. */
const filters = ['serviceId', 'nodeId', 'stackId', 'desiredState'] as const;

/**
 * Applies live events to what the cache holds. A known record is replaced when the event's is newer; whether an unknown one belongs on
 * a page only the server can say (order, cursor), so that page is read again, soon.
 */
export class CachePatcher {
  readonly #queryClient: QueryClient;
  readonly #api: Api;
  readonly #reread: Pick<RereadQueue, 'add'>;

  constructor(queryClient: QueryClient, api: Api, reread: Pick<RereadQueue, 'add'>) {
    this.#queryClient = queryClient;
    this.#api = api;
    this.#reread = reread;
  }

  apply(event: LiveEvent): void {
    const { nodes, services, stacks, tasks, secrets, configs, system } = this.#api;
    if (event.type === 'ready') {
      void this.#queryClient.invalidateQueries();
      return;
    }
    switch (event.type) {
      case 'node.changed':
        this.#replaceOne(nodes.get.key(), event.node);
        this.#replaceInPages(nodes.list.key(), event.node);
        break;
      case 'service.changed':
        this.#replaceOne(services.get.key(), event.service);
        this.#replaceInPages(services.list.key(), event.service);
        // Which services use one is said there.
        this.#rereadMatching(secrets.list.key());
        this.#rereadMatching(configs.list.key());
        this.#rereadMatching(services.revisions.key({ input: { serviceId: event.service.id } }));
        break;
      case 'stack.changed':
        this.#replaceInPages(stacks.list.key(), event.stack);
        break;
      case 'task.changed':
        this.#replaceOne(tasks.get.key(), event.task);
        this.#replaceInPages(tasks.list.key(), event.task);
        if (event.task.nodeId) this.#rereadMatching(nodes.containers.key({ input: { nodeId: event.task.nodeId } }));
        break;
      case 'node.removed':
        this.#remove(nodes.get.key({ input: { nodeId: event.nodeId } }), nodes.list.key(), event.nodeId);
        break;
      case 'service.removed':
        this.#remove(services.get.key({ input: { serviceId: event.serviceId } }), services.list.key(), event.serviceId);
        break;
      case 'stack.removed':
        this.#removeFromPages(stacks.list.key(), event.stackId);
        break;
      case 'task.removed':
        this.#remove(tasks.get.key({ input: { taskId: event.taskId } }), tasks.list.key(), event.taskId);
        break;
    }
    this.#rereadMatching(system.status.key());
  }

  #replaceOne<Item extends Versioned>(key: QueryKey, record: Item): void {
    this.#queryClient.setQueriesData<Item>({ queryKey: key }, (held) => (held?.id === record.id && record.version > held.version ? record : held));
  }

  #replaceInPages<Item extends Versioned>(key: QueryKey, record: Item): void {
    for (const [queryKey, page] of this.#queryClient.getQueriesData<Page<Item>>({ queryKey: key })) {
      if (!page) continue;
      const held = page.items.find((item) => item.id === record.id);
      const isWanted = passesFilters(record, queryKey);
      if (!held) {
        if (isWanted) this.#reread.add(queryKey);
        continue;
      }
      if (record.version <= held.version) continue;
      const items = isWanted ? page.items.map((item) => (item === held ? record : item)) : page.items.filter((item) => item !== held);
      this.#queryClient.setQueryData(queryKey, { ...page, items });
    }
  }

  #remove(oneKey: QueryKey, listKey: QueryKey, id: string): void {
    this.#rereadMatching(oneKey);
    this.#removeFromPages(listKey, id);
  }

  #removeFromPages(key: QueryKey, id: string): void {
    for (const [queryKey, page] of this.#queryClient.getQueriesData<Page<Versioned>>({ queryKey: key })) {
      if (!page?.items.some((item) => item.id === id)) continue;
      this.#queryClient.setQueryData(queryKey, { ...page, items: page.items.filter((item) => item.id !== id) });
      this.#reread.add(queryKey);
    }
  }

  #rereadMatching(key: QueryKey): void {
    for (const query of this.#queryClient.getQueryCache().findAll({ queryKey: key })) this.#reread.add(query.queryKey);
  }
}

function passesFilters(record: object, queryKey: QueryKey): boolean {
  const options = queryKey[1];
  const input = typeof options === 'object' && options !== null && 'input' in options ? options.input : undefined;
  if (typeof input !== 'object' || input === null) return true;
  const wanted = new Map<string, unknown>(Object.entries(input));
  const actual = new Map<string, unknown>(Object.entries(record));
  return filters.every((filter) => wanted.get(filter) === undefined || !actual.has(filter) || wanted.get(filter) === actual.get(filter));
}

import { setTimeout as sleep } from 'node:timers/promises';
import { NodeId, ServiceId, StackId, TaskId } from '@gantry/contracts/ids';
import type { LiveEvent } from '@gantry/contracts/live';
import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { LOGGER, type Logger } from '../logger.ts';
import { toNode } from '../modules/nodes/node.mapper.ts';
import { NodeRepository } from '../modules/nodes/node.repository.ts';
import { toService } from '../modules/services/service.mapper.ts';
import { ServiceRepository } from '../modules/services/service.repository.ts';
import { toStack } from '../modules/stacks/stack.mapper.ts';
import { StackRepository } from '../modules/stacks/stack.repository.ts';
import { taskMapper } from '../modules/tasks/task.mapper.ts';
import { TaskRepository } from '../modules/tasks/task.repository.ts';
import { Signals } from '../persistence/signals.ts';
import { Wakeable } from '../wakeable.ts';
import type { LiveClient } from './live-client.ts';
import { ToldVersions } from './told-versions.ts';

const subjects = ['node', 'stack', 'service', 'task'] as const;
type Subject = (typeof subjects)[number];

/** Changes within so long of each other are read together, each record once. */
const gatherMs = 50;
const recordsPerRead = 1_000;

function isSubject(subject: string): subject is Subject {
  return subjects.some((known) => known === subject);
}

/**
 * The change feed of this replica's browsers. A transaction on any replica signals which records it changed; here their current state is
 * read and sent, so that an event is never older than what a request would have answered. Without browsers nothing is read.
 */
@Injectable()
export class LiveFeed implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #clients = new Set<LiveClient>();
  readonly #changed: Record<Subject, Set<string>> = { node: new Set(), stack: new Set(), service: new Set(), task: new Set() };
  readonly #told = new ToldVersions();
  readonly #loop: Wakeable;

  constructor(
    @Inject(LOGGER) logger: Logger,
    @Inject(Signals) private readonly signals: Signals,
    @Inject(NodeRepository) private readonly nodes: NodeRepository,
    @Inject(StackRepository) private readonly stacks: StackRepository,
    @Inject(ServiceRepository) private readonly services: ServiceRepository,
    @Inject(TaskRepository) private readonly tasks: TaskRepository,
  ) {
    this.#loop = new Wakeable(
      () => this.#publish(),
      (error) => {
        logger.warn({ err: error }, 'read changed records for the live feed');
        // what was missed can not be sent any more: the browsers start over
        this.#dropAll();
        return gatherMs;
      },
    );
  }

  onApplicationBootstrap(): void {
    this.signals.on('signal', ({ subject, ids }) => {
      if (this.#clients.size === 0 || !isSubject(subject)) return;
      for (const id of ids) this.#changed[subject].add(id);
      this.#loop.wake();
    });
    this.signals.on('lapse', () => this.#dropAll());
    this.#loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#loop.stop();
    this.#dropAll();
  }

  /** False while changes are not heard: a feed that says nothing would look like a cluster where nothing happens. */
  get isOpen(): boolean {
    return this.signals.isListening;
  }

  add(client: LiveClient): void {
    this.#clients.add(client);
    client.onClose(() => this.#clients.delete(client));
    client.send([{ type: 'ready' }]);
  }

  #dropAll(): void {
    for (const client of this.#clients) client.close();
    for (const subject of subjects) this.#changed[subject].clear();
  }

  async #publish(): Promise<number> {
    let isMore = false;
    for (const subject of subjects) {
      const ids = [...this.#changed[subject]].slice(0, recordsPerRead);
      for (const id of ids) this.#changed[subject].delete(id);
      if (ids.length === 0) continue;
      const events = (await this.#read(subject, ids)).filter((event) => this.#told.isNews(event));
      for (const client of this.#clients) client.send(events);
      isMore ||= this.#changed[subject].size > 0;
    }
    if (isMore) this.#loop.wake();
    await sleep(gatherMs);
    return 3_600_000;
  }

  /** One event a record: as it is now, or that it is gone. */
  async #read(subject: Subject, ids: readonly string[]): Promise<LiveEvent[]> {
    switch (subject) {
      case 'node':
        return eventsOf(
          ids,
          await this.nodes.findMany(ids),
          (row) => ({ type: 'node.changed', node: toNode(row) }),
          (id) => ({ type: 'node.removed', nodeId: NodeId.parse(id) }),
        );
      case 'stack':
        return eventsOf(
          ids,
          await this.stacks.findMany(ids),
          (row) => ({ type: 'stack.changed', stack: toStack(row) }),
          (id) => ({ type: 'stack.removed', stackId: StackId.parse(id) }),
        );
      case 'service':
        return eventsOf(
          ids,
          await this.services.findMany(ids),
          (row) => ({ type: 'service.changed', service: toService(row) }),
          (id) => ({ type: 'service.removed', serviceId: ServiceId.parse(id) }),
        );
      case 'task': {
        const toTask = taskMapper();
        return eventsOf(
          ids,
          await this.tasks.findMany(ids),
          (row) => ({ type: 'task.changed', task: toTask(row) }),
          (id) => ({ type: 'task.removed', taskId: TaskId.parse(id) }),
        );
      }
    }
  }
}

function eventsOf<Row extends { id: string }>(
  ids: readonly string[],
  rows: readonly Row[],
  changed: (row: Row) => LiveEvent,
  removed: (id: string) => LiveEvent,
): LiveEvent[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => {
    const row = byId.get(id);
    return row === undefined ? removed(id) : changed(row);
  });
}

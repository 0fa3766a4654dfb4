import { type PostgresServer, startPostgres } from '@gantry/testing/postgres';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readConfig } from '../src/config.ts';
import { ReconcileQueue } from '../src/jobs/reconcile-queue.ts';
import { eventually } from './api-fixture.ts';

/** Runs that end only when told to. */
class Runs {
  readonly started: string[] = [];
  #release = Promise.withResolvers<void>();

  readonly run = async (loop: string, key: string): Promise<void> => {
    this.started.push(`${loop}/${key}`);
    await this.#release.promise;
  };

  release(): void {
    this.#release.resolve();
    this.#release = Promise.withResolvers();
  }

  /** Also those that are yet to start. */
  releaseAll(): void {
    const current = this.#release;
    this.#release = { ...current, promise: Promise.resolve() };
    current.resolve();
  }

  count(count: number): Promise<number> {
    return eventually(
      async () => this.started.length,
      (length) => length === count,
    );
  }
}

let postgres: PostgresServer;
let queue: ReconcileQueue;
let runs: Runs;

beforeEach(async () => {
  postgres = await startPostgres();
  runs = new Runs();
  queue = new ReconcileQueue(readConfig({ DATABASE_URL: postgres.url }), () => undefined);
});

afterEach(async () => {
  // closing waits for what runs
  runs?.releaseAll();
  await queue?.close();
  await postgres?.stop();
});

const wake = { loop: 'service', key: 'one' };

test('wakes that wait become one; one that comes while its key runs is run after it, not beside it', async () => {
  await queue.add([wake]);
  await queue.add([wake, { loop: 'service', key: 'two' }]);
  await queue.work(runs.run, 8);
  await runs.count(2);
  await queue.add([wake]);
  await queue.add([wake]);
  expect(runs.started.sort()).toEqual(['service/one', 'service/two']);
  runs.release();
  await runs.count(3);
  runs.release();
  await queue.add([{ loop: 'service', key: 'last' }]);
  await runs.count(4);
  expect(runs.started.filter((run) => run === 'service/one')).toHaveLength(2);
});

test('a run whose end could not be written down does not hold its key for long', async () => {
  await queue.work(runs.run, 8);
  await queue.add([wake]);
  await runs.count(1);
  await postgres.halt();
  runs.release();
  await postgres.restart('fast');
  await eventually(
    () =>
      queue.add([wake]).then(
        () => true,
        () => false,
      ),
    (isAdded) => isAdded,
  );
  await eventually(
    async () => runs.started.length,
    (length) => length >= 2,
  );
});

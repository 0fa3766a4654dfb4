import { createPostgresBackend, type Job, type JobsOptions, Queue, Worker, type WorkerOptions, withBackend } from 'bullmq';
import type { Config } from '../config.ts';
import type { Wake } from '../persistence/changes.ts';

const queueName = 'reconcile';

interface ReconcileJob {
  readonly loop: string;
  readonly key: string;
}

type Processor = (job: Job<ReconcileJob>) => Promise<void>;
type WorkerTuning = Pick<WorkerOptions, 'concurrency' | 'lockDuration' | 'stalledInterval' | 'runRetryDelay'>;

/**
 * A run whose process died, or whose end could not be written down, holds its key until its lock has lapsed and two looks have seen it.
 * Reconcilers lock the rows they change, so a run that was only slow and is given up too soon does no harm. A worker that has lost its connection tries again each second.
 */
const lapse = { lockDuration: 5_000, stalledInterval: 2_000, runRetryDelay: 1_000 };

/** The part of BullMQ's Queue and Worker that is used here, alike on both backends. */
interface QueueHandle {
  addBulk(jobs: { name: string; data: ReconcileJob; opts: JobsOptions }[]): Promise<unknown>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}
interface WorkerHandle {
  on(event: 'error', listener: (error: Error) => void): unknown;
  waitUntilReady(): Promise<unknown>;
  close(): Promise<void>;
}

interface Backend {
  openQueue(): QueueHandle;
  openWorker(process: Processor, tuning: WorkerTuning): WorkerHandle;
}

function chooseBackend(config: Config): Backend {
  if (config.redisUrl !== null) {
    const connection = { url: config.redisUrl, maxRetriesPerRequest: null };
    return {
      openQueue: () => new Queue(queueName, { connection }),
      openWorker: (process, tuning) => new Worker(queueName, process, { connection, ...tuning }),
    };
  }
  const postgres = withBackend(createPostgresBackend);
  // tables of its own schema, so that they never look like drift to our migrations
  const connection = { connectionString: config.databaseUrl, schema: 'bullmq', migrate: true, max: 6 };
  return {
    openQueue: () => new postgres.Queue(queueName, { connection }),
    openWorker: (process, tuning) => new postgres.Worker<ReconcileJob, void>(queueName, process, { connection, ...tuning }),
  };
}

/**
 * Wake-ups on their way to a reconciler. Two for the same loop and key become one while they wait; one that comes while the other runs is
 * kept and runs after it, so that nothing is missed and no key runs twice at once.
 */
export class ReconcileQueue {
  readonly #backend: Backend;
  readonly #queue: QueueHandle;
  readonly #report: (error: Error) => void;
  #worker: WorkerHandle | null = null;

  constructor(config: Config, report: (error: Error) => void) {
    this.#backend = chooseBackend(config);
    this.#report = report;
    this.#queue = this.#backend.openQueue();
    this.#queue.on('error', report);
  }

  async add(wakes: readonly Wake[]): Promise<void> {
    const jobs = wakes.map(({ loop, key }) => ({
      name: loop,
      data: { loop, key },
      opts: { removeOnComplete: true, removeOnFail: true, deduplication: { id: `${loop}/${key}`, keepLastIfActive: true } },
    }));
    await this.#queue.addBulk(jobs);
  }

  async work(run: (loop: string, key: string) => Promise<void>, concurrency: number): Promise<void> {
    await this.#queue.waitUntilReady();
    this.#worker = this.#backend.openWorker((job) => run(job.data.loop, job.data.key), { concurrency, ...lapse });
    this.#worker.on('error', this.#report);
    await this.#worker.waitUntilReady();
  }

  async close(): Promise<void> {
    await this.#worker?.close();
    await this.#queue.close();
  }
}

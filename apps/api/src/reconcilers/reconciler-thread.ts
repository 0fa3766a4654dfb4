import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { operational } from '@gantry/platform/errors';
import type { Config } from '../config.ts';
import { createLogger, type Logger } from '../logger.ts';
import { type RunningReconcilers, startReconcilers } from './start.ts';

/** A run that needs more than this is at fault: the thread ends, another takes its place, and the period brings the work round again. */
const mostHeapMb = 512;
const closeWithinMs = 8_000;
const pauseMs = { first: 500, longest: 30_000 };

type FromThread = { readonly type: 'started' };
type ToThread = { readonly type: 'close' };

/** The other end: what the thread itself runs. */
export async function runReconcilerThread(): Promise<void> {
  const config = workerData as Config; // by startReconcilerThread alone
  const running = await startReconcilers(config, createLogger(config.logLevel));
  parentPort?.once('message', () => {
    void running.close().finally(() => process.exit(0));
  });
  parentPort?.postMessage({ type: 'started' } satisfies FromThread);
}

/** Keeps one thread alive: a busy reconciler never holds up a request, nor its end the process. */
class ReconcilerThread implements RunningReconcilers {
  readonly #file: URL;
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #worker: Worker | null = null;
  #running: Promise<void> = Promise.resolve();

  constructor(file: URL, config: Config, logger: Logger) {
    this.#file = file;
    this.#config = config;
    this.#logger = logger;
  }

  /** Settles when the first thread has started; its failure to do so is thrown. */
  async start(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#keep(first);
    try {
      await first.promise;
    } catch (cause) {
      await this.close();
      throw cause;
    }
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#worker?.postMessage({ type: 'close' } satisfies ToThread);
    const tooLong = setTimeout(() => void this.#worker?.terminate(), closeWithinMs);
    await this.#running;
    clearTimeout(tooLong);
  }

  async #keep(first: PromiseWithResolvers<void>): Promise<void> {
    let pause = pauseMs.first;
    while (!this.#stop.signal.aborted) {
      const failure = await this.#runOnce(() => {
        pause = pauseMs.first;
        first.resolve();
      });
      first.reject(failure);
      if (this.#stop.signal.aborted) return;
      this.#logger.error({ err: failure }, 'the thread of the reconcilers ended; another takes its place');
      await sleep(pause, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      pause = Math.min(pause * 2, pauseMs.longest);
    }
  }

  /** Answers why the thread ended. */
  #runOnce(started: () => void): Promise<Error> {
    const { promise, resolve } = Promise.withResolvers<Error>();
    const worker = new Worker(this.#file, { workerData: this.#config, resourceLimits: { maxOldGenerationSizeMb: mostHeapMb } });
    this.#worker = worker;
    worker.once('message', started);
    worker.once('error', (cause) => resolve(operational('unavailable', 'run the reconcilers', { cause })));
    worker.once('exit', (code) => resolve(operational('unavailable', `the thread of the reconcilers ended with ${code}`)));
    return promise;
  }
}

/** As startReconcilers, in a thread whose program is `file`: it calls runReconcilerThread. */
export async function startReconcilerThread(file: URL, config: Config, logger: Logger): Promise<RunningReconcilers> {
  const thread = new ReconcilerThread(file, config, logger);
  await thread.start();
  return thread;
}

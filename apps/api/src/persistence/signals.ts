import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Client } from 'pg';
import { z } from 'zod';
import { CONFIG, type Config } from '../config.ts';
import { LOGGER, type Logger } from '../logger.ts';
import { channel, type Signal, signalSubjects } from './changes.ts';

const SignalPayload = z.object({ subject: z.enum(signalSubjects), ids: z.array(z.string()) });

interface SignalEvents {
  signal: [Signal];
  /** Signals may have been missed: re-read whatever depends on them. */
  lapse: [];
}

const firstPauseMs = 100;
const longestPauseMs = 5_000;

/** Hears what every replica's transactions said (recordChanges), over one Postgres connection that is replaced when it breaks. */
@Injectable()
export class Signals extends EventEmitter<SignalEvents> implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #config: Config;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isListening = false;

  constructor(@Inject(CONFIG) config: Config, @Inject(LOGGER) logger: Logger) {
    super();
    this.setMaxListeners(0);
    this.#config = config;
    this.#logger = logger;
  }

  get isListening(): boolean {
    return this.#isListening;
  }

  async onApplicationBootstrap(): Promise<void> {
    const first = Promise.withResolvers<void>();
    this.#running = this.#run(first.resolve);
    await first.promise;
  }

  async onApplicationShutdown(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(listening: () => void): Promise<void> {
    let pauseMs = firstPauseMs;
    let isFirst = true;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#listen(() => {
          pauseMs = firstPauseMs;
          this.#isListening = true;
          listening();
          if (!isFirst) this.emit('lapse');
          isFirst = false;
        });
      } catch (error) {
        this.#logger.warn({ err: error }, 'lost the connection that hears of changes');
      } finally {
        this.#isListening = false;
      }
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
    listening();
  }

  /** Returns when told to stop, throws when the connection breaks. */
  async #listen(ready: () => void): Promise<void> {
    const client = new Client({
      connectionString: this.#config.databaseUrl,
      connectionTimeoutMillis: 5_000,
      keepAlive: true,
      application_name: 'gantry-api-signals',
    });
    const over = Promise.withResolvers<void>();
    const stop = () => over.resolve();
    client.on('error', over.reject);
    client.on('end', () => over.reject(new Error('postgres closed the connection')));
    client.on('notification', (message) => this.#receive(message.payload ?? ''));
    this.#stop.signal.addEventListener('abort', stop, { once: true });
    // the end of the connection may come before anybody awaits it
    over.promise.catch(() => undefined);
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      ready();
      await over.promise;
    } finally {
      this.#stop.signal.removeEventListener('abort', stop);
      await client.end().catch(() => undefined);
    }
  }

  #receive(payload: string): void {
    const parsed = SignalPayload.safeParse(JSON.parse(payload));
    if (parsed.success) this.emit('signal', parsed.data);
    else this.#logger.warn({ payload }, 'ignored a signal of a kind this version does not know');
  }
}

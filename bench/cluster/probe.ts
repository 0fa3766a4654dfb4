import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, Worker, workerData } from 'node:worker_threads';

/** Who asks: the api's address and an admin's token. */
export interface Target {
  readonly url: string;
  readonly secret: string;
}

/** How long each answer took, in milliseconds. */
export interface Latencies {
  readonly get: readonly number[];
  readonly post: readonly number[];
  /** Answered with an error; their time counts all the same. */
  readonly failed: number;
}

const getEveryMs = 40;
const postEveryMs = 250;

/**
 * People at the dashboard while the cluster works: lists, one service and what is new, at a rate that does not wait for the answers, from a
 * thread of its own so that it measures the api and not whoever plays the agents.
 */
async function probe(target: Target): Promise<Latencies> {
  const latencies = { get: [] as number[], post: [] as number[], failed: 0 };
  const stop = new AbortController();
  const send = async (method: string, path: string, body?: object): Promise<unknown> => {
    const started = performance.now();
    const headers = { authorization: `Bearer ${target.secret}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const response = await fetch(`${target.url}/api/v1${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    latencies[method === 'GET' ? 'get' : 'post'].push(performance.now() - started);
    if (response.ok) return JSON.parse(text);
    latencies.failed += 1;
    return null;
  };
  const atRate = async (everyMs: number, act: (turn: number) => Promise<unknown>) => {
    const acts: Promise<unknown>[] = [];
    for (let turn = 0; !stop.signal.aborted; turn += 1) {
      acts.push(act(turn));
      await sleep(everyMs, undefined, { signal: stop.signal }).catch(() => undefined);
    }
    await Promise.all(acts);
  };
  const pages = ['/services?limit=50', '/nodes?limit=50', '/tasks?limit=50', '/system'];
  const createAndRemove = async (turn: number) => {
    const service = (await send('POST', '/services', {
      name: `probe-${turn}-${Date.now()}`,
      mode: { type: 'replicated', replicas: 0 },
      task: { image: 'busybox' },
    })) as { id: string } | null; // the api's own contract
    if (service !== null) await send('DELETE', `/services/${service.id}`);
  };
  parentPort?.once('message', () => stop.abort());
  await Promise.all([atRate(getEveryMs, (turn) => send('GET', pages[turn % pages.length] ?? '')), atRate(postEveryMs, createAndRemove)]);
  return latencies;
}

/** Asks until `stop` is called, which answers how long everything took. */
export function startProbe(target: Target): { stop(): Promise<Latencies> } {
  const worker = new Worker(new URL(import.meta.url), { workerData: { probe: target } });
  const { promise, resolve, reject } = Promise.withResolvers<Latencies>();
  worker.once('message', resolve).once('error', reject);
  // whoever stops it hears of the error
  promise.catch(() => undefined);
  return {
    stop: () => {
      worker.postMessage('stop');
      return promise;
    },
  };
}

const given: { probe?: Target } | null = workerData;
if (given?.probe !== undefined) parentPort?.postMessage(await probe(given.probe));

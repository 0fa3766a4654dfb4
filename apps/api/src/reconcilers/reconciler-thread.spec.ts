import { expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { createLogger } from '../logger.ts';
import { startReconcilerThread } from './reconciler-thread.ts';

const logger = createLogger('silent');

/** A thread's program, which finds how often one was begun before it in `begun`. */
function programOf(body: string): URL {
  const source = `import { parentPort, workerData } from 'node:worker_threads'; const begun = Atomics.add(workerData.begun, 0, 1); ${body}`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

function configWithCounter() {
  return { ...readConfig({ DATABASE_URL: 'postgresql://127.0.0.1:1/none' }), begun: new Int32Array(new SharedArrayBuffer(4)) };
}

const serve = "parentPort.once('message', () => process.exit(0)); parentPort.postMessage({ type: 'started' });";

test('another thread takes the place of one that ends by itself, and the last one ends when told to', async () => {
  const config = configWithCounter();
  const thread = await startReconcilerThread(programOf(`${serve} if (begun === 0) setTimeout(() => { throw new Error('out of luck'); }, 1);`), config, logger);
  await expect.poll(() => config.begun[0]).toBe(2);
  await thread.close();
  expect(config.begun[0]).toBe(2);
});

test('a thread that can not start is the start’s failure', async () => {
  const config = configWithCounter();
  await expect(startReconcilerThread(programOf("throw new Error('no database');"), config, logger)).rejects.toMatchObject({
    cause: { message: 'no database' },
  });
  expect(config.begun[0]).toBe(1);
});

import { setImmediate as tick } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Coalescer, forEachLimited, KeyedQueue, Semaphore, SharedLock } from './index.ts';

it('queues work of one key and overlaps different keys', async () => {
  const queue = new KeyedQueue();
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name} starts`);
    await tick();
    log.push(`${name} ends`);
    if (name === 'a1') throw new Error('a1 fails');
  };
  const first = queue.run('a', work('a1'));
  await Promise.allSettled([first, queue.run('a', work('a2')), queue.run('b', work('b1'))]);
  await expect(first).rejects.toThrow('a1 fails');
  expect(log.filter((line) => line.startsWith('a'))).toEqual(['a1 starts', 'a1 ends', 'a2 starts', 'a2 ends']);
  expect(log.indexOf('b1 starts')).toBeLessThan(log.indexOf('a1 ends'));
  await queue.idle();
});

it('lets sharers overlap and pass one who waits, and keeps everyone out while excluded', async () => {
  const lock = new SharedLock();
  const log: string[] = [];
  const work = (name: string) => async () => {
    log.push(`${name}+`);
    await tick();
    log.push(`${name}-`);
  };
  const excluded = lock.share(work('s1')).then(() => undefined);
  const alone = lock.exclude(async () => {
    const late = lock.share(work('s3'));
    await work('x')();
    return { late };
  });
  await Promise.all([excluded, lock.share(work('s2')), alone]);
  await (await alone).late;
  expect(log).toEqual(['s1+', 's2+', 's1-', 's2-', 'x+', 'x-', 's3+', 's3-']);
});

it('shares one run among those who ask meanwhile', async () => {
  const coalescer = new Coalescer<number>();
  let runs = 0;
  const work = async () => {
    await tick();
    return ++runs;
  };
  expect(await Promise.all([coalescer.run('k', work), coalescer.run('k', work)])).toEqual([1, 1]);
  expect(await coalescer.run('k', work)).toBe(2);
});

it('limits what runs at once, and throws after those under way have ended', async () => {
  let running = 0;
  let most = 0;
  const ended: number[] = [];
  const run = forEachLimited([1, 2, 3, 4, 5, 6], 2, async (item) => {
    most = Math.max(most, ++running);
    await tick();
    running--;
    ended.push(item);
    if (item === 3) throw new Error('three');
  });
  await expect(run).rejects.toThrow('three');
  expect(most).toBe(2);
  expect(running).toBe(0);
  expect(ended).toEqual([1, 2, 3, 4]);
});

it('lets so many in as its limit says, in their order, also after a failure', async () => {
  const semaphore = new Semaphore(2);
  const log: number[] = [];
  let inside = 0;
  let most = 0;
  const work = (item: number) => async () => {
    log.push(item);
    most = Math.max(most, ++inside);
    await tick();
    inside--;
    if (item === 0) throw new Error('zero');
  };
  const results = await Promise.allSettled([0, 1, 2, 3, 4].map((item) => semaphore.run(work(item))));
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled']);
  expect(log).toEqual([0, 1, 2, 3, 4]);
  expect(most).toBe(2);
});

import { setTimeout as delay } from 'node:timers/promises';

const limitMs = 90_000;

/** Waits for something that must come true by itself; the limit is generous, because how fast is not what a test asserts. */
export async function eventually(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + limitMs;
  let failure: unknown;
  while (performance.now() < deadline) {
    try {
      if (await isSo()) return;
      failure = undefined;
    } catch (cause) {
      failure = cause;
    }
    await delay(100);
  }
  throw new Error(`not so within ${limitMs / 1000} s: ${what}`, failure === undefined ? undefined : { cause: failure });
}

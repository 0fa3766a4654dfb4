import { operational, whileTrying } from '@gantry/platform/errors';
import type { Images } from '@gantry/runtime/images';

const timeoutMs = 30 * 60_000;

/**
 * Tasks of one service ask for one image at once: they share its pull. A task that no longer wants it stops waiting; the pull goes on,
 * because the others, or the next task, will.
 */
export class PullQueue {
  readonly #images: Pick<Images, 'pull'>;
  readonly #closing: AbortSignal;
  readonly #pulling = new Map<string, Promise<void>>();

  constructor(options: { images: Pick<Images, 'pull'>; closing: AbortSignal }) {
    this.#images = options.images;
    this.#closing = options.closing;
  }

  async pull(image: string, options: { signal: AbortSignal }): Promise<void> {
    const pulling = this.#pulling.get(image) ?? this.#begin(image);
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => reject(operational('cancelled', `waiting for the image ${image} was given up`));
    options.signal.addEventListener('abort', leave, { once: true });
    if (options.signal.aborted) leave();
    try {
      await Promise.race([pulling, left]);
    } finally {
      options.signal.removeEventListener('abort', leave);
    }
  }

  #begin(image: string): Promise<void> {
    const signal = AbortSignal.any([this.#closing, AbortSignal.timeout(timeoutMs)]);
    const pulling = this.#images
      .pull(image, { signal })
      .then(() => undefined)
      .catch((cause: unknown) => {
        throw whileTrying(`pull the image ${image}`, cause);
      })
      .finally(() => this.#pulling.delete(image));
    // Everyone who waited may have left by the time it fails.
    pulling.catch(() => undefined);
    this.#pulling.set(image, pulling);
    return pulling;
  }
}

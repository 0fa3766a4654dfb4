import { GantryError } from '@gantry/platform/errors';

const mostKeys = 10_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** A token bucket a key: `burst` at once, then one each `refillMs`. Forgets the least recently seen keys. */
export class RateLimiter {
  readonly #burst: number;
  readonly #refillMs: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: { burst: number; refillMs: number }) {
    this.#burst = options.burst;
    this.#refillMs = options.refillMs;
  }

  /** Throws when the key has spent what it had. */
  take(key: string, now: number): void {
    const bucket = this.#buckets.get(key) ?? { tokens: this.#burst, at: now };
    const tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) / this.#refillMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > mostKeys && oldest !== undefined) this.#buckets.delete(oldest);
    if (tokens < 1) throw new GantryError('user', 'rate-limited', `too many attempts: try again in ${Math.ceil(((1 - tokens) * this.#refillMs) / 1_000)} s`);
  }

  /** A success gives back what the failures before it took. */
  forget(key: string): void {
    this.#buckets.delete(key);
  }
}

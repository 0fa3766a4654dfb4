import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { digestOf } from '@gantry/oci/digest';
import { writeFileDurably } from '@gantry/platform/node';
import type { ComposedLayer } from '@gantry/runtime/images';
import { z } from 'zod';

const Layer = z.object({ digest: z.string(), mediaType: z.string(), sizeBytes: z.number(), diffId: z.string() });
/** What a step once made: a layer (null: only config), and when. */
const CachedStep = z.object({ layer: Layer.nullable(), createdAt: z.string() });
export type CachedStep = { readonly layer: ComposedLayer | null; readonly createdAt: string };

const maxSteps = 4096;

/** Names a step by everything its result depends on: the state before it, what it does, and the content it takes in. */
export function stepKey(before: string, ...parts: readonly unknown[]): string {
  return digestOf(Buffer.from(JSON.stringify([before, ...parts])));
}

/** Results of earlier steps by their keys, oldest first, kept in one file. Losing it costs time, nothing else. */
export class StepCache {
  readonly #file: string;
  readonly #steps: Map<string, CachedStep>;

  private constructor(file: string, steps: Map<string, CachedStep>) {
    this.#file = file;
    this.#steps = steps;
  }

  static async open(directory: string): Promise<StepCache> {
    const file = join(directory, 'steps.json');
    const text = await readFile(file, 'utf8').catch(() => '[]');
    const parsed = z.array(z.tuple([z.string(), CachedStep])).safeParse(JSON.parse(text));
    return new StepCache(file, new Map(parsed.success ? parsed.data : []));
  }

  get(key: string): CachedStep | undefined {
    return this.#steps.get(key);
  }

  put(key: string, step: CachedStep): void {
    this.#steps.delete(key);
    this.#steps.set(key, step);
    const [oldest] = this.#steps.keys();
    if (this.#steps.size > maxSteps && oldest !== undefined) this.#steps.delete(oldest);
  }

  async save(): Promise<void> {
    await writeFileDurably(this.#file, JSON.stringify([...this.#steps]));
  }

  async clear(): Promise<number> {
    const count = this.#steps.size;
    this.#steps.clear();
    await this.save();
    return count;
  }
}

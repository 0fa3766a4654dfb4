import { badRequest, EngineError } from './engine-error.ts';

/** `filters=` of a request: for each key the values asked for. Values of one key are alternatives, keys add up. */
export class Filters {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  /** True when the key is not asked for, or `accepts` likes one of its values. */
  some(key: string, accepts: (value: string) => boolean): boolean {
    const values = this.get(key);
    return values.length === 0 || values.some(accepts);
  }

  /** Labels are the exception: every `name` or `name=value` must hold. */
  matchesLabels(labels: Readonly<Record<string, string>>, key = 'label'): boolean {
    return this.get(key).every((wanted) => hasLabel(labels, wanted));
  }

  /** The single boolean of a key; `absent` when it is not asked for. Throws on anything but 1, true, 0, false. */
  boolean(key: string, absent: boolean): boolean {
    const values = this.get(key);
    if (values.length === 0) return absent;
    const isTrue = values.some((value) => value === '1' || value === 'true');
    const isFalse = values.some((value) => value === '0' || value === 'false');
    if (isTrue === isFalse) throw new EngineError(400, `invalid filter '${key}=[${values.join(' ')}]'`);
    return isTrue;
  }
}

export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const separator = wanted.indexOf('=');
  if (separator < 0) return Object.hasOwn(labels, wanted);
  const name = wanted.slice(0, separator);
  return Object.hasOwn(labels, name) && labels[name] === wanted.slice(separator + 1);
}

/** Docker's name filter: a regular expression where it is one, a substring otherwise. Long patterns are only ever substrings. */
export function matchesName(name: string, wanted: string): boolean {
  if (name === wanted || name.includes(wanted)) return true;
  if (wanted.length > 256 || /[+*}]\)?[+*{]/.test(wanted)) return false;
  try {
    return new RegExp(wanted).test(name);
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

function valuesOf(key: string, value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value)
      .filter(([, wanted]) => wanted !== false)
      .map(([name]) => name);
  }
  if (typeof value === 'string' || typeof value === 'boolean') return [String(value)];
  throw new EngineError(400, `invalid filter '${key}'`);
}

/** Reads `{"k":{"v":true}}` (Go clients) and `{"k":["v"]}` (the others). An absent or empty parameter filters nothing. */
export function parseFilters(text: string | null | undefined, accepted: readonly string[]): Filters {
  const values = new Map<string, readonly string[]>();
  if (text === null || text === undefined || text === '') return new Filters(values);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw badRequest(`invalid filters: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  if (parsed === null) return new Filters(values);
  if (typeof parsed !== 'object' || Array.isArray(parsed)) throw new EngineError(400, 'invalid filters: not an object');
  for (const [key, value] of Object.entries(parsed)) {
    if (!accepted.includes(key)) throw new EngineError(400, `invalid filter '${key}'`);
    values.set(key, valuesOf(key, value));
  }
  return new Filters(values);
}

import type { Instruction } from './dockerfile.ts';
import { expand, splitWords, type Variables } from './words.ts';

/** Build arguments that need no ARG: they reach RUN, but count neither as cache key nor as history. */
const predefined = new Set([
  'HTTP_PROXY',
  'http_proxy',
  'HTTPS_PROXY',
  'https_proxy',
  'FTP_PROXY',
  'ftp_proxy',
  'NO_PROXY',
  'no_proxy',
  'ALL_PROXY',
  'all_proxy',
]);

/** The ARGs that one stage knows. An ENV of the same name wins. */
export class ArgScope {
  readonly #given: Readonly<Record<string, string | null>>;
  readonly #inherited: ReadonlyMap<string, string>;
  readonly #declared = new Map<string, string | undefined>();
  readonly usedNames = new Set<string>();

  /** `inherited`: what the ARGs before the first FROM say, and the platform's names. */
  constructor(given: Readonly<Record<string, string | null>>, inherited: ReadonlyMap<string, string>) {
    this.#given = given;
    this.#inherited = inherited;
  }

  declare(instruction: Instruction, env: readonly string[], escapeChar: string): void {
    for (const word of splitWords(instruction.text, escapeChar)) {
      const separator = word.indexOf('=');
      const name = separator < 0 ? word : word.slice(0, separator);
      const fallback = separator < 0 ? this.#inherited.get(name) : expand(word.slice(separator + 1), this.variables(env), escapeChar);
      this.usedNames.add(name);
      this.#declared.set(name, this.#given[name] ?? fallback);
    }
  }

  variables(env: readonly string[]): Variables {
    return (name) => {
      const prefix = `${name}=`;
      const entry = env.find((variable) => variable.startsWith(prefix));
      return entry === undefined ? this.#declared.get(name) : entry.slice(prefix.length);
    };
  }

  /** `NAME=value` of declared arguments that no ENV hides, sorted: part of what a RUN depends on. */
  runArguments(env: readonly string[]): string[] {
    const hidden = new Set(env.map((variable) => variable.replace(/=.*$/s, '')));
    const set = [...this.#declared].filter(([name, value]) => value !== undefined && !hidden.has(name) && !predefined.has(name));
    return set.map(([name, value]) => `${name}=${value}`).sort();
  }

  proxyArguments(): string[] {
    return Object.entries(this.#given).flatMap(([name, value]) => (predefined.has(name) && value !== null ? [`${name}=${value}`] : []));
  }

  toMap(): Map<string, string> {
    return new Map([...this.#declared].flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
  }
}

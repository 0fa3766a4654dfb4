export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS';

export interface Route<Handler> {
  readonly method: Method;
  /** `{x}` takes as much of the path as it can, slashes included: image names hold them. */
  readonly pattern: string;
  readonly handle: Handler;
}

export interface RouteMatch<Handler> {
  readonly handle: Handler;
  readonly params: Readonly<Record<string, string>>;
}

interface CompiledRoute<Handler> {
  readonly expression: RegExp;
  readonly handle: Handler;
}

function compile(pattern: string): RegExp {
  const source = pattern
    .split(/(\{\w+\})/)
    .map((part) => (part.startsWith('{') ? `(?<${part.slice(1, -1)}>.+)` : part.replace(/[.*+?^$()|[\]\\]/g, '\\$&')))
    .join('');
  return new RegExp(`^${source}$`, 's');
}

const versioned = /^\/v(\d[0-9.]*)(\/.*)$/s;

/** Splits `/v1.41/containers/json` into its version and the rest; both forms of every path are the same endpoint. */
export function splitVersion(path: string): { prefix: string | null; path: string } {
  const match = versioned.exec(path);
  return match ? { prefix: match[1] ?? null, path: match[2] ?? '/' } : { prefix: null, path };
}

/** First match in registration order wins. A wrong method is no match either: Docker answers 404 to both. */
export class Router<Handler> {
  readonly #byMethod = new Map<string, CompiledRoute<Handler>[]>();

  constructor(routes: readonly Route<Handler>[]) {
    for (const route of routes) {
      const routesOfMethod = this.#byMethod.get(route.method) ?? [];
      routesOfMethod.push({ expression: compile(route.pattern), handle: route.handle });
      this.#byMethod.set(route.method, routesOfMethod);
    }
  }

  match(method: string, path: string): RouteMatch<Handler> | null {
    for (const route of this.#byMethod.get(method) ?? []) {
      const match = route.expression.exec(path);
      if (match) return { handle: route.handle, params: match.groups ?? {} };
    }
    return null;
  }
}

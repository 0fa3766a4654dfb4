import { EngineError } from './engine-error.ts';

/** What this engine speaks. An unversioned request gets the newest. */
export const newestApiVersion = '1.51';
export const oldestApiVersion = '1.24';

/** A version of the Docker Engine API, `1.N`. */
export class ApiVersion {
  readonly major: number;
  readonly minor: number;

  constructor(major: number, minor: number) {
    this.major = major;
    this.minor = minor;
  }

  static parse(text: string): ApiVersion | null {
    const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text);
    return match ? new ApiVersion(Number(match[1]), Number(match[2])) : null;
  }

  /** True from API 1.`minor` on. */
  isAtLeast(minor: number): boolean {
    return this.major > 1 || (this.major === 1 && this.minor >= minor);
  }

  toString(): string {
    return `${this.major}.${this.minor}`;
  }
}

function ordinal(version: ApiVersion): number {
  return version.major * 10_000 + version.minor;
}

function known(text: string): ApiVersion {
  const version = ApiVersion.parse(text);
  if (version === null) throw new TypeError(`${text} is no API version`);
  return version;
}

const newest = known(newestApiVersion);
const oldest = known(oldestApiVersion);

/** The version a request is answered in; `prefix` is the `1.41` of `/v1.41/…`, or null. Throws EngineError 400. */
export function negotiateVersion(prefix: string | null): ApiVersion {
  if (prefix === null) return newest;
  const version = ApiVersion.parse(prefix);
  if (version === null) throw new EngineError(400, `invalid API version ${prefix}`);
  if (ordinal(version) > ordinal(newest)) {
    throw new EngineError(400, `client version ${prefix} is too new. Maximum supported API version is ${newestApiVersion}`);
  }
  if (ordinal(version) < ordinal(oldest)) {
    throw new EngineError(
      400,
      `client version ${prefix} is too old. Minimum supported API version is ${oldestApiVersion}, please upgrade your client to a newer version`,
    );
  }
  return version;
}

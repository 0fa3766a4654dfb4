interface SignIn {
  readonly email: string;
  readonly password: string;
}

/** The REST API as a person signed in from a browser on the same origin. */
export class Rest {
  readonly #url: string;
  readonly #cookie: string;

  private constructor(url: string, cookie: string) {
    this.#url = url;
    this.#cookie = cookie;
  }

  static async signIn(url: string, credentials: SignIn): Promise<Rest> {
    const response = await fetch(`${url}/api/v1/account/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: url },
      body: JSON.stringify(credentials),
    });
    if (!response.ok) throw new Error(`sign in at ${url}: HTTP ${response.status} ${await response.text()}`);
    const cookies = response.headers.getSetCookie().map((cookie) => cookie.split(';', 1)[0]);
    return new Rest(url, cookies.join('; '));
  }

  async call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { cookie: this.#cookie, origin: this.#url, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: HTTP ${response.status} ${text}`);
    return text === '' ? (undefined as Answer) : (JSON.parse(text) as Answer); // the shape that contracts/http-api states for this path
  }
}

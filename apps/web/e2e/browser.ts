import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const args = [
  '--no-sandbox',
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true } as const satisfies BrowserContextOptions;

/** One Chromium, and the visitors of the test that runs. */
export class TestBrowser {
  readonly #browser: Browser;
  readonly #baseURL: string;
  readonly #contexts: BrowserContext[] = [];
  readonly #thrown: Error[] = [];

  private constructor(browser: Browser, baseURL: string) {
    this.#browser = browser;
    this.#baseURL = baseURL;
  }

  static async launch(baseURL: string): Promise<TestBrowser> {
    return new TestBrowser(await chromium.launch({ executablePath: '/usr/bin/chromium', args }), baseURL);
  }

  /** A visitor with cookies of their own. */
  async openVisitor(options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext({ baseURL: this.#baseURL, viewport: { width: 1360, height: 860 }, ...options });
    this.#contexts.push(context);
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.#thrown.push(error));
    return page;
  }

  /** After each test: whatever a page threw fails the test it was thrown in. */
  async closeVisitors(): Promise<void> {
    for (const context of this.#contexts.splice(0)) await context.close();
    const thrown = this.#thrown.splice(0);
    if (thrown.length > 0) throw new AggregateError(thrown, `the page threw: ${thrown.map((error) => error.message).join('; ')}`);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

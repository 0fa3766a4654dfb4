import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

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

interface Visitor {
  page: Page;
  thrown: Error[];
  /** What went wrong on the way, oldest first. */
  troubles: string[];
}

/** One Chromium, and the visitors of the test that runs. */
export class TestBrowser {
  readonly #browser: Browser;
  readonly #baseURL: string;
  #visitors: Visitor[] = [];

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
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    const visitor: Visitor = { page, thrown: [], troubles: [] };
    page.on('pageerror', (error) => visitor.thrown.push(error));
    page.on('requestfailed', (request) => visitor.troubles.push(`${request.url()}: ${request.failure()?.errorText}`));
    page.on('response', (response) => response.status() >= 400 && visitor.troubles.push(`${response.url()}: status ${response.status()}`));
    this.#visitors.push(visitor);
    return page;
  }

  /** After a test that failed: what its visitors have before them. */
  async describeVisitors(): Promise<string> {
    const descriptions = this.#visitors.map(async ({ page, troubles }) => {
      const snapshot = await page.locator('body').ariaSnapshot({ timeout: 5000 }).catch(String);
      return [`at ${page.url()}`, snapshot, ...troubles.slice(-20)].join('\n');
    });
    return (await Promise.all(descriptions)).join('\n\n');
  }

  /** After each test: whatever a page threw fails the test it was thrown in. */
  async closeVisitors(): Promise<void> {
    const visitors = this.#visitors;
    this.#visitors = [];
    for (const { page } of visitors) await page.context().close();
    const thrown = visitors.flatMap((visitor) => visitor.thrown);
    if (thrown.length > 0) throw new AggregateError(thrown, `the page threw: ${thrown.map((error) => error.message).join('; ')}`);
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

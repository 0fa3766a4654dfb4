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

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args });
}

export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true } as const satisfies BrowserContextOptions;

/** A visitor with cookies of their own. Whatever the page throws fails the test that closes it. */
export async function openVisitor(browser: Browser, baseURL: string, options: BrowserContextOptions = {}): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext({ baseURL, viewport: { width: 1360, height: 860 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const thrown: Error[] = [];
  page.on('pageerror', (error) => thrown.push(error));
  return Object.assign(page, {
    async [Symbol.asyncDispose]() {
      await context.close();
      if (thrown.length > 0) throw new AggregateError(thrown, `the page threw: ${thrown.map((error) => error.message).join('; ')}`);
    },
  });
}

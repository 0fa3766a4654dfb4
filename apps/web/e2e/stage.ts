import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { TestBrowser } from './browser.ts';
import { admin, type FakeConsole, startFakeConsole } from './fake-console.ts';
import { follow, goTo, seeHeading, signIn } from './steps.ts';

/** A dashboard with a control plane of its own, and Chromium: one for the tests of a file. */
export interface Stage {
  readonly app: FakeConsole;
  readonly browser: TestBrowser;
  asAdmin(options?: BrowserContextOptions): Promise<Page>;
}

/** Call it once at the top of a file; what it returns is filled in before the first test. */
export function openStage(): Stage {
  const stage: { app?: FakeConsole; browser?: TestBrowser } = {};
  const ready = <T>(part: T | undefined): T => {
    if (part === undefined) throw new Error('the stage is used before its first test');
    return part;
  };
  beforeAll(async () => {
    stage.app = await startFakeConsole();
    stage.browser = await TestBrowser.launch(stage.app.url);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(await stage.browser?.describeVisitors());
    await stage.app?.comeBack();
    await stage.browser?.closeVisitors();
  });
  afterAll(async () => {
    await stage.browser?.close();
    await stage.app?.close();
  });
  return {
    get app() {
      return ready(stage.app);
    },
    get browser() {
      return ready(stage.browser);
    },
    async asAdmin(options = {}) {
      const page = await ready(stage.browser).openVisitor(options);
      await signIn(page, admin);
      return page;
    },
  };
}

export async function openService(page: Page, name: string): Promise<void> {
  await goTo(page, 'Services');
  await follow(page, name);
  await seeHeading(page, name);
}

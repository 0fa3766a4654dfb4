import { randomUUID } from 'node:crypto';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { TestBrowser } from './browser.ts';
import {
  expectAccessible,
  factOf,
  follow,
  goTo,
  openTab,
  row,
  scaleTo,
  seeHeading,
  seeInTerminal,
  seeTasksRunning,
  signIn,
  signOut,
  typeInTerminal,
} from './steps.ts';
import { readTarget } from './target.ts';

let browser: TestBrowser;
const target = readTarget();

beforeAll(async () => {
  browser = await TestBrowser.launch(target.url);
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(await browser.describeVisitors());
  await browser.closeVisitors();
});
afterAll(() => browser.close());

test('the overview shows the cluster, and the node its facts and containers', async () => {
  const page = await browser.openVisitor();
  await signIn(page, target);
  await expectAccessible(page);
  await goTo(page, 'Nodes');
  await expectAccessible(page);
  await page.getByRole('table', { name: 'Nodes' }).getByRole('link').first().click();
  await page.getByRole('heading', { level: 2, name: 'Host' }).waitFor();
  await page.getByText('Ready', { exact: true }).waitFor();
  expect(Number(await factOf(page, 'CPUs'))).toBeGreaterThan(0);
  expect(await factOf(page, 'Memory')).toMatch(/^[\d.]+ [MGT]iB$/);
  expect(await factOf(page, 'Kernel')).toMatch(/^\d+\.\d+/);
  expect(await factOf(page, 'Cgroups')).toMatch(/^(v1|v2|hybrid)/);
  await page.getByText(/^docker -H unix:\/\/\/.+ ps$/).waitFor();
  await page.getByRole('table', { name: 'Containers' }).getByText('Running', { exact: true }).first().waitFor();
  await expectAccessible(page);
});

test('a script that is not the dashboard’s own does not run', async () => {
  const page = await browser.openVisitor();
  const refused: string[] = [];
  page.on('console', (message) => message.text().includes('Content Security Policy') && refused.push(message.text()));
  await signIn(page, target);
  expect(refused).toEqual([]);
  const policy = (await page.request.get('/')).headers()['content-security-policy'];
  expect(policy).toMatch(/script-src 'self' 'nonce-[\w+/]{22}=='(;|$)/);
  await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'document.title = "taken over"';
    document.body.append(script);
  });
  await expect.poll(() => refused.length).toBe(1);
  expect(await page.title()).not.toBe('taken over');
});

test('a service is scaled up, its log is followed, a terminal opened, and it is scaled back', async () => {
  const page = await browser.openVisitor();
  await signIn(page, target);
  await openDemo(page);
  await seeTasksRunning(page, 2);

  await scaleTo(page, 3);
  await seeTasksRunning(page, 3);
  await expectAccessible(page);

  await follow(page.getByRole('table', { name: 'Tasks' }), /\.3$/);
  await seeHeading(page, /\.3$/);
  await seeInLogWhatWasFetched(page);
  await expectAccessible(page);

  await openTab(page, 'Details');
  const containerId = await factOf(page, 'Container ID');
  expect(containerId).toMatch(/^[0-9a-f]{64}$/);
  await expectAccessible(page);

  await openTab(page, 'Terminal');
  await typeInTerminal(page, 'hostname');
  await seeInTerminal(page, new RegExp(`^${containerId.slice(0, 12)}$`, 'm'));
  await expectAccessible(page);

  await openDemo(page);
  await scaleTo(page, 2);
  await seeTasksRunning(page, 2);
});

test('every other page is accessible, and signing out ends the session', async () => {
  const page = await browser.openVisitor();
  await page.goto('/sign-in');
  await expectAccessible(page);
  await signIn(page, target);
  for (const title of ['Services', 'Stacks', 'Tasks'] as const) {
    await goTo(page, title);
    await page.getByRole('table', { name: title }).waitFor();
    await expectAccessible(page);
  }
  await page.goto('/account');
  await seeHeading(page, 'API tokens');
  await expectAccessible(page);

  await signOut(page);
  await page.goto('/services');
  await seeHeading(page, 'Sign in');
});

async function openDemo(page: Page): Promise<void> {
  await goTo(page, 'Services');
  await follow(row(page, 'gantry-demo'), /web/);
  await seeHeading(page, /web/);
}

/** The published port leads to the tasks in turn, soon to the new one too: asked often enough, it gets a request of ours. */
async function seeInLogWhatWasFetched(page: Page): Promise<void> {
  const path = `/e2e-${randomUUID()}`;
  const fetchAndCount = async () => {
    for (let request = 0; request < 6; request += 1) await fetch(new URL(path, target.demoUrl)).then((response) => response.arrayBuffer());
    return page.getByRole('log').getByText(path).count();
  };
  await expect.poll(fetchAndCount, { timeout: 60_000, interval: 500 }).toBeGreaterThan(0);
}

import { AxeBuilder } from '@axe-core/playwright';
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

/** What a person does and sees, in words. Waiting for the cluster takes as long as a loaded machine needs. */
const patience = { timeout: 90_000, interval: 200 };

interface Credentials {
  email: string;
  password: string;
}

export async function signIn(page: Page, { email, password }: Credentials): Promise<void> {
  await page.goto('/');
  await fillIn(page, 'Email', email);
  await fillIn(page, 'Password', password);
  await press(page, 'Sign in');
  await seeHeading(page, 'Overview');
}

export async function signOut(page: Page): Promise<void> {
  await page.getByRole('button', { name: /^Account menu/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await seeHeading(page, 'Sign in');
}

export async function goTo(page: Page, title: 'Overview' | 'Nodes' | 'Services' | 'Stacks' | 'Tasks' | 'Secrets' | 'Configs'): Promise<void> {
  await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: title, exact: true }).click();
  await seeHeading(page, title);
}

export async function follow(page: Page | Locator, name: string | RegExp): Promise<void> {
  await page.getByRole('link', { name }).first().click();
}

export async function press(page: Page | Locator, name: string | RegExp): Promise<void> {
  await page.getByRole('button', { name, exact: typeof name === 'string' }).click();
}

export async function fillIn(page: Page | Locator, label: string, text: string): Promise<void> {
  await page.getByLabel(label, { exact: true }).fill(text);
}

export async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole('tab', { name }).click();
}

export async function seeHeading(page: Page, title: string | RegExp): Promise<void> {
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
}

export async function see(page: Page | Locator, text: string | RegExp): Promise<void> {
  await page.getByText(text).filter({ visible: true }).first().waitFor(patience);
}

export function row(page: Page, text: string | RegExp): Locator {
  return page.getByRole('row').filter({ hasText: text });
}

export function dialog(page: Page): Locator {
  return page.locator('[role=dialog], [role=alertdialog]');
}

/** The value beside a label in a list of facts. */
export async function factOf(page: Page, label: string): Promise<string> {
  const value = page.locator('dt', { hasText: new RegExp(`^${label}$`) }).locator('xpath=following-sibling::dd');
  return ((await value.textContent()) ?? '').trim();
}

export async function scaleTo(page: Page, tasks: number): Promise<void> {
  const field = page.getByRole('textbox', { name: 'Number of tasks' });
  await field.fill(String(tasks));
  await field.press('Enter');
}

export async function seeTasksRunning(page: Page, running: number): Promise<void> {
  await see(page, `${running} of ${running} running`);
  await expect.poll(() => page.getByRole('table', { name: 'Tasks' }).getByText('Running', { exact: true }).count(), patience).toBe(running);
}

export async function seeInLog(page: Page, text: string): Promise<void> {
  await page.getByRole('log').getByText(text).first().waitFor(patience);
}

export async function typeInTerminal(page: Page, line: string): Promise<void> {
  await page.getByText('Connected', { exact: true }).waitFor();
  await page.locator('.xterm').click();
  await page.keyboard.type(`${line}\n`);
}

export async function seeInTerminal(page: Page, text: string | RegExp): Promise<void> {
  await expect.poll(() => terminalText(page), patience).toMatch(text);
}

export async function terminalText(page: Page): Promise<string> {
  const lines = await page.locator('.xterm-rows > div').allTextContents();
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** No rule of WCAG A and AA, nor of axe's best practices, is broken on the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.locator('h1').first().waitFor();
  const { violations } = await new AxeBuilder({ page }).analyze();
  expect(violations.map((violation) => `${page.url()} ${violation.id}: ${violation.nodes.map((node) => node.html).join(' | ')}`)).toEqual([]);
}

export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(overflow, `${page.url()} is wider than the screen by so many pixels`).toBeLessThanOrEqual(0);
}

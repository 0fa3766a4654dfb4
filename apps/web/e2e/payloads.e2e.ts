import { expect, test } from 'vitest';
import { viewer } from './fake-console.ts';
import { openStage } from './stage.ts';
import { dialog, expectAccessible, fillIn, goTo, press, row, see, signIn } from './steps.ts';

const stage = openStage();

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('a secret is made, rotated and removed, and never shown', async () => {
  const page = await stage.asAdmin();
  await goTo(page, 'Secrets');
  await see(page, 'No secrets');
  await press(page, 'Create secret');
  await press(dialog(page), 'Create');
  await see(dialog(page), 'Enter what it holds, or choose a file');
  await expectAccessible(page);
  await fillIn(dialog(page), 'Name', 'db-password');
  await fillIn(dialog(page), 'Content', 'correct horse');
  await press(dialog(page), 'Create');
  await see(row(page, 'db-password'), 'No service');
  const [made] = stage.app.cluster.secrets.list();
  expect(made && stage.app.cluster.secrets.dataOf(made.id)).toBe(base64('correct horse'));
  expect(await page.content()).not.toContain('correct horse');

  await press(row(page, 'db-password'), /^Rotate/);
  await see(dialog(page), 'No service uses it: nothing else changes.');
  await page.locator('input[type=file]').setInputFiles({ name: 'key.bin', mimeType: 'application/octet-stream', buffer: Buffer.from([0, 255, 1]) });
  await see(dialog(page), 'key.bin, 3 B');
  await press(dialog(page), 'Rotate');
  await expect.poll(() => stage.app.cluster.secrets.list()[0]?.versions.at(-1)?.number, { timeout: 30_000 }).toBe(2);
  expect(made && stage.app.cluster.secrets.dataOf(made.id)).toBe(Buffer.from([0, 255, 1]).toString('base64'));
  await dialog(page).waitFor({ state: 'detached' });

  await press(page, 'Remove db-password');
  await see(dialog(page), /destroys 2 versions/);
  await expectAccessible(page);
  await press(dialog(page), 'Remove secret');
  await see(page, 'No secrets');
});

test('a secret in use says by which services, and can not be removed', async () => {
  const page = await stage.asAdmin();
  stage.app.cluster.secrets.create({ name: 'tls-key', labels: {}, data: base64('key') });
  stage.app.cluster.addService({ name: 'front', mode: { type: 'replicated', replicas: 1 }, task: { image: 'nginx', secrets: [{ name: 'tls-key' }] } });
  await goTo(page, 'Secrets');
  await see(row(page, 'tls-key'), 'front');
  expect(await page.getByRole('button', { name: 'Remove tls-key' }).getAttribute('aria-disabled')).toBe('true');
  await page.getByRole('button', { name: 'Remove tls-key' }).hover();
  await see(page, 'Used by front');
  await press(row(page, 'tls-key'), /^Rotate/);
  await see(dialog(page), /The tasks of 1 service \(front\) are replaced/);
});

test('a config can be read; a viewer may, and may change nothing', async () => {
  stage.app.cluster.configs.create({ name: 'web.conf', labels: {}, data: base64('listen 80;\n') });
  stage.app.cluster.configs.create({ name: 'logo', labels: {}, data: Buffer.from([0, 1, 2]).toString('base64') });
  const page = await stage.browser.openVisitor();
  await signIn(page, viewer);
  await goTo(page, 'Configs');
  await press(row(page, 'web.conf'), /^View/);
  await see(dialog(page), 'listen 80;');
  await expectAccessible(page);
  await press(dialog(page), 'Close');
  await press(row(page, 'logo'), /^View/);
  await see(dialog(page), 'Version 1 is no text, so it is not shown.');
  await page.keyboard.press('Escape');
  expect(await page.getByRole('button', { name: 'Create config' }).getAttribute('aria-disabled')).toBe('true');
});

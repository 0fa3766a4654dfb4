import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { phone } from './browser.ts';
import { admin, viewer } from './fake-console.ts';
import { openService, openStage } from './stage.ts';
import {
  dialog,
  expectAccessible,
  expectNoSidewaysScroll,
  fillIn,
  follow,
  goTo,
  openTab,
  press,
  row,
  scaleTo,
  see,
  seeHeading,
  seeInLog,
  seeInTerminal,
  seeTasksRunning,
  signIn,
  terminalText,
  typeInTerminal,
} from './steps.ts';

const stage = openStage();
const asAdmin = stage.asAdmin;

const service = (name: string) => [...stage.app.cluster.services.values()].find((one) => one.spec.name === name);

/** Services of their own, so that tests do not meet. */
function run(name: string, spec: object = {}) {
  return stage.app.cluster.addService({ name, mode: { type: 'replicated', replicas: 2 }, task: { image: 'nginx' }, ...spec });
}

describe('session', () => {
  test('a wrong password is told, a right one leads to where the visitor wanted to go', async () => {
    const page = await stage.browser.openVisitor();
    await page.goto('/nodes?from=mail');
    await fillIn(page, 'Email', admin.email);
    await fillIn(page, 'Password', 'wrong');
    await press(page, 'Sign in');
    await see(page, 'Email address or password is wrong.');
    await fillIn(page, 'Password', admin.password);
    await press(page, 'Sign in');
    await seeHeading(page, 'Nodes');
    expect(page.url()).toBe(`${stage.app.url}/nodes?from=mail`);
  });

  test('what is typed before the scripts have come is kept, and never sent by the browser itself', async () => {
    const page = await stage.browser.openVisitor();
    const scripts = Promise.withResolvers<void>();
    await page.route('**/*.js*', async (route) => {
      await scripts.promise;
      await route.continue();
    });
    await page.goto('/sign-in', { waitUntil: 'commit' });
    await fillIn(page, 'Email', admin.email);
    await fillIn(page, 'Password', admin.password);
    await page.getByLabel('Password', { exact: true }).press('Enter');
    await page.getByRole('button', { name: 'Sign in' }).click({ force: true });
    expect(page.url()).toBe(`${stage.app.url}/sign-in`);
    scripts.resolve();
    await press(page, 'Sign in');
    await seeHeading(page, 'Overview');
  });

  test('a session that ends leads to the sign-in page and back', async () => {
    const page = await asAdmin();
    await goTo(page, 'Stacks');
    stage.app.sessions.closeAll();
    await page.getByRole('link', { name: 'Nodes', exact: true }).click();
    await seeHeading(page, 'Sign in');
    await fillIn(page, 'Email', admin.email);
    await fillIn(page, 'Password', admin.password);
    await press(page, 'Sign in');
    await seeHeading(page, /Nodes|Stacks/);
  });

  test('a viewer sees everything, and of what can not be done the reason', async () => {
    const page = await stage.browser.openVisitor();
    await signIn(page, viewer);
    await openService(page, 'demo_web');
    const remove = page.getByRole('button', { name: 'Remove' });
    expect(await remove.getAttribute('aria-disabled')).toBe('true');
    await remove.focus();
    await see(page, 'Needs the role operator; yours is viewer');
    await remove.click({ force: true });
    expect(await dialog(page).count()).toBe(0);
  });
});

describe('live feed', () => {
  test('what happens elsewhere shows up without a reload', async () => {
    run('watched');
    const page = await asAdmin();
    await openService(page, 'watched');
    await seeTasksRunning(page, 2);
    const current = service('watched');
    if (current) stage.app.cluster.updateService(current, { ...current.spec, mode: { type: 'replicated', replicas: 4 } });
    await seeTasksRunning(page, 4);
  });

  test('while the control plane is away it says so, and catches up afterwards', async () => {
    run('survivor');
    const page = await asAdmin();
    await openService(page, 'survivor');
    await seeTasksRunning(page, 2);
    await see(page, 'Live');
    await stage.app.goAway();
    await see(page, 'Reconnecting');
    const current = service('survivor');
    if (current) stage.app.cluster.updateService(current, { ...current.spec, mode: { type: 'replicated', replicas: 3 } });
    await stage.app.comeBack();
    await see(page, 'Live');
    await seeTasksRunning(page, 3);
  });
});

describe('services', () => {
  test('the wanted number shows at once, the tasks follow', async () => {
    run('scaled');
    const page = await asAdmin();
    await openService(page, 'scaled');
    await seeTasksRunning(page, 2);
    await scaleTo(page, 5);
    await see(page, /of 5 running/);
    await seeTasksRunning(page, 5);
    await press(page, 'One task fewer');
    await seeTasksRunning(page, 4);
  });

  test('an image that does not exist is told with the reason, and edited away', async () => {
    const page = await asAdmin();
    await goTo(page, 'Services');
    await press(page, 'New service');
    await fillIn(dialog(page), 'Name', '-wrong');
    await press(dialog(page), 'Create service');
    await see(page, 'Enter an image, such as nginx:1.27');
    await see(page, /^Use 1 to 63 letters/);
    await fillIn(dialog(page), 'Name', 'typo');
    await fillIn(dialog(page), 'Image', 'missing/image:1');
    await press(dialog(page), 'Create service');
    await seeHeading(page, 'typo');
    await see(row(page, 'Rejected'), 'pull missing/image:1: the registry has no such manifest');
    await press(page, 'Edit');
    await fillIn(dialog(page), 'Image', 'nginx:1.27');
    await fillIn(dialog(page), 'Environment', 'A=1\nB=2');
    await press(dialog(page), 'Publish a port');
    await fillIn(dialog(page), 'In the task', '80');
    await press(dialog(page), 'Save');
    await seeTasksRunning(page, 1);
    expect(service('typo')?.spec.task.env).toEqual(['A=1', 'B=2']);
    expect(await page.getByRole('link', { name: /30000→80\/tcp/ }).getAttribute('href')).toBe('http://127.0.0.1:30000');
  });

  test('a change that would overwrite another is stopped, and can start over', async () => {
    run('contended');
    const page = await asAdmin();
    await openService(page, 'contended');
    await seeTasksRunning(page, 2);
    await press(page, 'Edit');
    const current = service('contended');
    if (current) stage.app.cluster.updateService(current, { ...current.spec, task: { ...current.spec.task, env: ['BY=another'] } });
    await fillIn(dialog(page), 'Image', 'nginx:mine');
    await press(dialog(page), 'Save');
    await see(page, 'Someone else changed this service meanwhile.');
    await seeTasksRunningBehindDialog('contended', 2);
    await press(dialog(page), 'Load the current one');
    await expect.poll(() => dialog(page).getByLabel('Environment').inputValue()).toBe('BY=another');
    await fillIn(dialog(page), 'Image', 'nginx:mine');
    await press(dialog(page), 'Save');
    await dialog(page).waitFor({ state: 'detached' });
    expect(service('contended')?.spec.task).toMatchObject({ image: 'nginx:mine', env: ['BY=another'] });
  });

  test('every change of the specification is listed with what it changed, and can be gone back from', async () => {
    const page = await asAdmin();
    const made = run('history', { task: { image: 'nginx:1.26', env: ['A=1'] } });
    stage.app.cluster.updateService(made, { ...made.spec, task: { ...made.spec.task, image: 'nginx:1.27' } });
    await openService(page, 'history');
    await openTab(page, 'Revisions');
    await see(row(page, 'task.image'), 'nginx:1.27');
    await see(row(page, /^1/), 'The earliest that is kept');
    await expectAccessible(page);
    await press(row(page, /^1/), /^Roll back/);
    await see(dialog(page), 'task.image');
    await expectAccessible(page);
    await press(dialog(page), 'Roll back');
    await see(row(page, /^3/), 'In use');
    expect(service('history')?.spec.task.image).toBe('nginx:1.26');
  });

  test('removing says what it destroys, and does it', async () => {
    run('doomed', { ports: [{ targetPort: 80, publishedPort: 12345 }] });
    const page = await asAdmin();
    await openService(page, 'doomed');
    await seeTasksRunning(page, 2);
    await press(page, 'Remove');
    await see(dialog(page), /2 running tasks, with their containers/);
    await see(dialog(page), 'the published port 12345');
    await press(dialog(page), 'Cancel');
    expect(service('doomed')?.status.state).toBe('converged');
    await press(page, 'Remove');
    await press(dialog(page), 'Remove service');
    await seeHeading(page, 'Services');
    await row(page, 'doomed').waitFor({ state: 'detached' });
  });

  test('a long history is read page by page', async () => {
    const page = await asAdmin();
    await openService(page, 'shop_api');
    await openTab(page, 'History');
    await see(page, 'Page 1');
    await press(page, 'Next');
    await see(page, 'Page 2');
    expect(await page.getByRole('button', { name: 'Next' }).getAttribute('aria-disabled')).toBe('true');
    await press(page, 'Previous');
    await see(page, 'Page 1');
  });

  async function seeTasksRunningBehindDialog(name: string, tasks: number): Promise<void> {
    await expect.poll(() => service(name)?.status.runningTasks, { timeout: 30_000 }).toBe(tasks);
  }
});

describe('stacks', () => {
  test('what the Compose file may not say is told; a good one is deployed and removed', async () => {
    const page = await asAdmin();
    await goTo(page, 'Stacks');
    await press(page, 'Deploy stack');
    await fillIn(dialog(page), 'Name', 'blog');
    await fillIn(dialog(page), 'Compose file', 'services: { web: { image: nginx, privileged: true } }');
    await press(dialog(page), 'Deploy');
    await see(dialog(page), 'Compose: services.web.privileged is not supported.');
    await fillIn(dialog(page), 'Compose file', 'services:\n  web:\n    image: nginx\n');
    await press(dialog(page), 'Deploy');
    await seeHeading(page, 'Services');
    await row(page, 'blog_web').waitFor();
    await goTo(page, 'Stacks');
    await press(page, 'Remove blog');
    await see(dialog(page), /blog_web, \d running task/);
    await press(dialog(page), 'Remove stack');
    await row(page, 'blog').waitFor({ state: 'detached' });
  });
});

describe('nodes', () => {
  test('a new host gets the commands that join it', async () => {
    const page = await asAdmin();
    await goTo(page, 'Nodes');
    await press(page, 'Add node');
    await see(dialog(page), new RegExp(`^sudo ./install.sh ${stage.app.url} GANTRY-1-[0-9a-z]{25}$`));
  });

  test('draining asks first, then moves the tasks', async () => {
    run('moving');
    const page = await asAdmin();
    await goTo(page, 'Nodes');
    await follow(page, 'crane-2');
    await press(page, /^Availability/);
    await page.getByRole('menuitemradio', { name: /^Drain/ }).click();
    await press(dialog(page), 'Drain node');
    await see(page, 'Draining');
    await expect
      .poll(() => [...stage.app.cluster.tasks.values()].filter((task) => task.nodeName === 'crane-2' && task.status.state === 'running').length, {
        timeout: 30_000,
      })
      .toBe(0);
    await press(page, /^Availability/);
    await page.getByRole('menuitemradio', { name: /^Active/ }).click();
    await see(page, 'Ready');
  });

  test('a node is renamed and labelled; a label twice is told', async () => {
    const page = await asAdmin();
    await goTo(page, 'Nodes');
    await follow(page, 'crane-1');
    await press(page, 'Edit');
    await fillIn(dialog(page), 'Name', 'harbour-1');
    await fillIn(dialog(page), 'Labels', 'disk=ssd\ndisk=hdd');
    await press(dialog(page), 'Save');
    await see(dialog(page), 'disk is there twice');
    await expectAccessible(page);
    await fillIn(dialog(page), 'Labels', 'disk=ssd\nzone=b');
    await press(dialog(page), 'Save');
    await seeHeading(page, 'harbour-1');
    await see(page, 'zone=b');
    const node = [...stage.app.cluster.nodes.values()].find((one) => one.spec.name === 'harbour-1');
    expect(node?.spec.labels).toEqual({ disk: 'ssd', zone: 'b' });
    if (node) stage.app.cluster.updateNode(node, { name: 'crane-1' });
  });

  test('only a node that is down can be removed', async () => {
    const page = await asAdmin();
    await goTo(page, 'Nodes');
    await follow(page, 'crane-1');
    await page.getByRole('button', { name: 'Remove' }).focus();
    await see(page, 'The node is connected: stop its agent first');
    await goTo(page, 'Nodes');
    await follow(page, 'crane-3');
    await see(page, /^missed its heartbeats/i);
    await press(page, 'Remove');
    await press(dialog(page), 'Remove node');
    await seeHeading(page, 'Nodes');
    await row(page, 'crane-3').waitFor({ state: 'detached' });
  });
});

describe('tasks', () => {
  async function openTask(page: Page, serviceName: string): Promise<void> {
    await openService(page, serviceName);
    await seeTasksRunning(page, 2);
    await follow(page.getByRole('table', { name: 'Tasks' }), `${serviceName}.1`);
    await seeHeading(page, `${serviceName}.1`);
  }

  const logOf = (serviceName: string) => {
    const task = [...stage.app.cluster.tasks.values()].find((one) => one.serviceName === serviceName && one.slot === 1);
    if (!task) throw new Error(`${serviceName} has no first task`);
    return stage.app.cluster.logOf(task.id);
  };

  test('the log is followed, searched, paused and downloaded', async () => {
    run('talker');
    const page = await asAdmin();
    await openTask(page, 'talker');
    await see(page, 'Following');
    for (let line = 0; line < 50; line += 1) logOf('talker').add(`line ${line}`);
    await seeInLog(page, 'line 49');
    logOf('talker').add('\u001b[31mred\u001b[0m alert');
    await seeInLog(page, 'red alert');
    await fillIn(page, 'Search the log', 'LINE 4');
    await see(page, '11 of 52 lines');
    await fillIn(page, 'Search the log', '');
    await press(page, 'Pause');
    logOf('talker').add('written while paused');
    await see(page, 'Paused');
    expect(await page.getByRole('log').getByText('written while paused').count()).toBe(0);
    await press(page, 'Resume');
    await seeInLog(page, 'written while paused');
    const [download] = await Promise.all([page.waitForEvent('download'), press(page, 'Download the log')]);
    expect(download.suggestedFilename()).toMatch(/^talker\.1-[0-9a-z]{25}\.log$/);
    expect(await readFile(await download.path(), 'utf8')).toMatch(/^\S+ listening on port 80\n\S+ line 0\n[\s\S]*written while paused\n$/);
    logOf('talker').end();
    await see(page, 'The log has ended');
  });

  test('a broken log stream goes on where it was', async () => {
    run('resumer');
    const page = await asAdmin();
    await openTask(page, 'resumer');
    logOf('resumer').add('before');
    await seeInLog(page, 'before');
    await stage.app.goAway();
    await see(page, 'Connection lost, trying again');
    logOf('resumer').add('meanwhile');
    await stage.app.comeBack();
    await seeInLog(page, 'meanwhile');
    expect(await page.getByRole('log').getByText('before').count()).toBe(1);
  });

  test('the terminal knows its size, and says how the shell ended', async () => {
    run('shell');
    const page = await asAdmin();
    await openTask(page, 'shell');
    await openTab(page, 'Terminal');
    await typeInTerminal(page, 'size');
    await seeInTerminal(page, /^\d+ 1\d\d$/m);
    await page.setViewportSize({ width: 700, height: 700 });
    await expect
      .poll(async () => {
        await typeInTerminal(page, 'size');
        return terminalText(page);
      })
      .toMatch(/^\d+ [5-9]\d$/m);
    await openTab(page, 'Logs');
    await seeInLog(page, 'listening on port 80');
    await openTab(page, 'Terminal');
    await seeInTerminal(page, /^\/ # size$/m);
    await typeInTerminal(page, 'exit 7');
    await see(page, 'The shell has ended with exit code 7');
    await press(page, 'New shell');
    await typeInTerminal(page, 'hostname');
    await seeInTerminal(page, /^[0-9a-f]{12}$/m);
  });

  test('a lost terminal says so and can be opened again', async () => {
    run('lost');
    const page = await asAdmin();
    await openTask(page, 'lost');
    await openTab(page, 'Terminal');
    await see(page, 'Connected');
    await stage.app.goAway();
    await see(page, /^The connection was lost/);
    await stage.app.comeBack();
    await press(page, 'Reconnect');
    await typeInTerminal(page, 'hostname');
    await seeInTerminal(page, /^[0-9a-f]{12}$/m);
  });
});

describe('account', () => {
  test('a token is shown once and can be revoked', async () => {
    const page = await asAdmin();
    await page.goto('/account');
    await press(page, 'New token');
    await fillIn(dialog(page), 'Name', 'ci');
    await dialog(page).getByLabel('Role').selectOption('operator');
    await press(dialog(page), 'Create token');
    await see(dialog(page), /^gantry_[0-9a-z]{50}$/);
    await press(dialog(page), 'Done');
    await see(row(page, 'ci'), 'operator');
    await press(page, 'Revoke ci');
    await press(dialog(page), 'Revoke token');
    await row(page, 'ci').waitFor({ state: 'detached' });
  });
});

describe('every page', () => {
  const looks = [
    { look: 'light', options: { colorScheme: 'light' as const } },
    { look: 'dark', options: { colorScheme: 'dark' as const } },
    { look: 'on a phone', options: phone },
  ];

  test.each(looks)('is accessible and fits: $look', { timeout: 400_000 }, async ({ options }) => {
    const page = await asAdmin(options);
    const nodeId = stage.app.cluster.nodes.keys().next().value;
    const tasks = [...stage.app.cluster.tasks.values()];
    const running = tasks.find((task) => task.status.state === 'running')?.id;
    const failed = tasks.find((task) => task.status.state === 'failed')?.id;
    const serviceId = service('shop_api')?.id;
    const addresses = [
      '/',
      '/nodes',
      `/nodes/${nodeId}`,
      '/services',
      `/services/${serviceId}`,
      '/stacks',
      '/secrets',
      '/configs',
      '/tasks',
      `/tasks/${running}`,
    ];
    addresses.push(`/tasks/${running}?view=terminal`, `/tasks/${running}?view=details`, `/tasks/${failed}`, '/account', `/nodes/${'x'.repeat(25)}`, '/nothing');
    for (const address of addresses) {
      await page.goto(address);
      await expectAccessible(page);
      await expectNoSidewaysScroll(page);
    }
  });

  test('dialogs are accessible', async () => {
    const page = await asAdmin();
    for (const [address, button] of [
      ['/nodes', 'Add node'],
      ['/services', 'New service'],
      ['/stacks', 'Deploy stack'],
      ['/secrets', 'Create secret'],
      ['/configs', 'Create config'],
      ['/account', 'New token'],
    ] as const) {
      await page.goto(address);
      await press(page, button);
      await dialog(page).waitFor();
      await expectAccessible(page);
    }
  });

  test('the keyboard alone gets anywhere', async () => {
    const page = await asAdmin();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('shop_a');
    await page.keyboard.press('Enter');
    await seeHeading(page, 'shop_api');
    await page.goto('/nodes');
    await seeHeading(page, 'Nodes');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  });

  test('the chosen theme stays', async () => {
    const page = await asAdmin({ colorScheme: 'light' });
    await press(page, /^Account menu/);
    await page.getByRole('menuitemradio', { name: 'Dark' }).click();
    await page.reload();
    await seeHeading(page, 'Overview');
    expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
  });
});

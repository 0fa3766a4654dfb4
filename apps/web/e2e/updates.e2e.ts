import { expect, test } from 'vitest';
import { openService, openStage } from './stage.ts';
import { dialog, expectAccessible, press, see } from './steps.ts';

const stage = openStage();
const waiting = { state: 'canary', replacedTasks: 1, totalTasks: 2, isPaused: false } as const;

test('an update that waits says so, and is paused, resumed, aborted or promoted by a person', async () => {
  const { cluster } = stage.app;
  const { id } = cluster.setUpdate(cluster.addService({ name: 'canary', mode: { type: 'replicated', replicas: 2 }, task: { image: 'nginx' } }), waiting);
  const state = () => cluster.services.get(id)?.status.update?.state;
  const page = await stage.asAdmin();
  await openService(page, 'canary');
  await see(page, '1 of 2 tasks replaced');
  await see(page, 'Canary waits');
  await expectAccessible(page);
  await press(page, 'Pause');
  await press(page, 'Resume');
  await press(page, 'Abort');
  await press(dialog(page), 'Abort update');
  await see(page, 'Went back');
  const back = cluster.services.get(id);
  if (back === undefined) throw new Error('the service is gone');
  cluster.setUpdate(back, waiting);
  await press(page, 'Promote');
  await expect.poll(state).toBe('completed');
  await page.getByRole('heading', { name: 'Update', exact: true }).waitFor({ state: 'detached' });
});

import { setTimeout as delay } from 'node:timers/promises';
import type { AssignedTask } from '@gantry/contracts/agent-link';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { assignedTask } from './assigned-task.ts';
import { type JoinedAgent, joinAgent } from './joined-agent.ts';

let plane: JoinedAgent['plane'];
let agent: JoinedAgent['agent'];
let made: JoinedAgent['made'];

beforeEach(async () => {
  ({ plane, agent, made } = await joinAgent(215));
});
afterEach(() => made.disposeAsync());

/** Moments after an assignment: before anything is made, in the middle of it, and when most of it is done. */
const moments = [0, 20, 60, 150, 300, 600];

test('killed at any moment of making and unmaking tasks, the agent ends with exactly the tasks it was assigned', async () => {
  let wanted: AssignedTask[] = [];
  for (const moment of moments) {
    const [gone, kept] = [wanted.slice(0, 2), wanted.slice(2)];
    const added = Array.from({ length: 4 }, () => assignedTask({ spec: { stopGraceMs: 100 } }));
    wanted = [...kept, ...added];
    plane.assign(plane.node, { update: added, remove: gone.map(({ taskId }) => taskId) });
    await delay(moment);
    await agent.end('SIGKILL');
    await agent.start();
    await plane.until(() => plane.node.connection !== null);
  }
  await plane.until(() => wanted.every(({ taskId }) => plane.status(taskId)?.state === 'running'));
  const ids = wanted.map(({ taskId }) => plane.status(taskId)?.containerId);
  await expect.poll(async () => (await agent.containerIds()).sort(), { timeout: 30_000 }).toEqual([...ids].sort());

  // By the history, too, none was made twice.
  for (const { taskId } of wanted) {
    const containers = plane.node.reports.filter((report) => report.taskId === taskId && report.containerId !== null);
    expect(new Set(containers.map(({ containerId }) => containerId)).size).toBe(1);
  }

  plane.assign(plane.node, { remove: wanted.map(({ taskId }) => taskId) });
  await expect.poll(() => agent.containerIds(), { timeout: 30_000 }).toEqual([]);
  expect(await agent.end('SIGTERM')).toBe(0);
  expect(await agent.leftovers()).toEqual([]);
});

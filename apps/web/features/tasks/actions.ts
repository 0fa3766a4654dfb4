import type { Account, Task } from '@gantry/contracts/http-api';
import { allOf, allowed, byRole, type Permission, refused } from '../../lib/permission.ts';

export const taskCan = {
  readLogs: (account: Account, task: Task): Permission =>
    allOf(byRole(account, 'tasks.logs'), task.status.containerId ? allowed : refused('There is no container yet, so there is nothing to read')),
  openTerminal: (account: Account, task: Task): Permission =>
    allOf(
      byRole(account, 'tasks.terminal'),
      task.status.state === 'running' ? allowed : refused(`A terminal needs a running task; this one is ${task.status.state}`),
    ),
};

import type { Task } from '@gantry/contracts/http-api';
import type { NodeId, ServiceId, TaskId } from '@gantry/contracts/ids';
import { keepPreviousData } from '@tanstack/react-query';
import type { Api } from '../../lib/api/client.ts';

export interface TaskFilter {
  serviceId?: ServiceId;
  nodeId?: NodeId;
  desiredState?: Task['desiredState'];
}

export const taskPageQuery = (api: Api, page: TaskFilter & { limit: number; cursor?: string | undefined }) =>
  api.tasks.list.queryOptions({ input: page, placeholderData: keepPreviousData });

export const taskQuery = (api: Api, taskId: TaskId) => api.tasks.get.queryOptions({ input: { taskId } });

import type { Api } from '../../lib/api/client.ts';

export const latestTasks = 8;

export const systemQuery = (api: Api) => api.system.status.queryOptions();

export const allServicesQuery = (api: Api) => api.services.list.queryOptions({ input: { limit: 1000 } });

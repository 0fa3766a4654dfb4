import type { Api } from '../../lib/api/client.ts';

export const apiTokensQuery = (api: Api) => api.account.listTokens.queryOptions();

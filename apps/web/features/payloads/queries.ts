import { keepPreviousData } from '@tanstack/react-query';
import type { Api } from '../../lib/api/client.ts';

interface ListPage {
  limit: number;
  cursor?: string | undefined;
}

export const secretPageQuery = (api: Api, page: ListPage) => api.secrets.list.queryOptions({ input: page, placeholderData: keepPreviousData });

export const configPageQuery = (api: Api, page: ListPage) => api.configs.list.queryOptions({ input: page, placeholderData: keepPreviousData });

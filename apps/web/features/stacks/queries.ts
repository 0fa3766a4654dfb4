import { keepPreviousData } from '@tanstack/react-query';
import type { Api } from '../../lib/api/client.ts';

export const stackPageQuery = (api: Api, page: { limit: number; cursor?: string | undefined }) =>
  api.stacks.list.queryOptions({ input: page, placeholderData: keepPreviousData });

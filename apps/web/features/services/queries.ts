import type { ServiceId, StackId } from '@gantry/contracts/ids';
import { keepPreviousData } from '@tanstack/react-query';
import type { Api } from '../../lib/api/client.ts';

interface ServicePage {
  stackId?: StackId | undefined;
  limit: number;
  cursor?: string | undefined;
}

export const servicePageQuery = (api: Api, page: ServicePage) => api.services.list.queryOptions({ input: page, placeholderData: keepPreviousData });

export const revisionPageQuery = (api: Api, page: { serviceId: ServiceId; limit: number; cursor?: string | undefined }) =>
  api.services.revisions.queryOptions({ input: page, placeholderData: keepPreviousData });

export const serviceQuery = (api: Api, serviceId: ServiceId) => api.services.get.queryOptions({ input: { serviceId } });

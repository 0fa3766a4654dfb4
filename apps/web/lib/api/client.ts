import { httpApi } from '@gantry/contracts/http-api';
import { createORPCClient } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import { ResponseValidationPlugin } from '@orpc/contract/plugins';
import { OpenAPILink } from '@orpc/openapi-client/fetch';
import { createTanstackQueryUtils, type RouterUtils } from '@orpc/tanstack-query';
import { fromProblem } from './problem.ts';

type ApiClient = ContractRouterClient<typeof httpApi>;
export type Api = RouterUtils<ApiClient>;

interface ApiOptions {
  /** Asked per call. */
  origin: () => string;
  headers?: () => Promise<Record<string, string>>;
}

/** The REST API, typed by its contract; answers are parsed by it too. Each entry makes query and mutation options for TanStack Query. */
export function createApi({ origin, headers }: ApiOptions): Api {
  const link = new OpenAPILink(httpApi, {
    url: () => new URL('/api/v1', origin()),
    ...(headers ? { headers } : {}),
    customErrorResponseBodyDecoder: fromProblem,
    plugins: [new ResponseValidationPlugin(httpApi)],
  });
  return createTanstackQueryUtils(createORPCClient<ApiClient>(link));
}

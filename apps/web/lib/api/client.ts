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
  send?: (request: Request, init: RequestInit) => Promise<Response>;
}

/** The REST API, typed by its contract; answers are parsed by it too. Each entry makes query and mutation options for TanStack Query. */
export function createApi({ origin, headers, send = (request, init) => fetch(request, init) }: ApiOptions): Api {
  const link = new OpenAPILink(httpApi, {
    url: () => new URL('/api/v1', origin()),
    ...(headers ? { headers } : {}),
    fetch: async (request, init) => readingProblems(await send(request, init)),
    customErrorResponseBodyDecoder: fromProblem,
    plugins: [new ResponseValidationPlugin(httpApi)],
  });
  return createTanstackQueryUtils(createORPCClient<ApiClient>(link));
}

/** The link reads application/json only; problem+json is that too. */
function readingProblems(response: Response): Response {
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) return response;
  const headers = new Headers(response.headers);
  headers.set('content-type', 'application/json');
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

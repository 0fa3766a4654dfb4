import { httpApi, Problem } from '@gantry/contracts/http-api';
import { createORPCClient, ORPCError } from '@orpc/client';
import type { ContractRouterClient } from '@orpc/contract';
import { OpenAPILink } from '@orpc/openapi-client/fetch';
import { type Credentials, readCredentials } from './credentials.ts';

export type Client = ContractRouterClient<typeof httpApi>;

function fromProblem(body: unknown): ORPCError<string, Problem> | undefined {
  const problem = Problem.safeParse(body).data;
  return problem && new ORPCError(problem.code, { status: problem.status, message: problem.detail, data: problem });
}

/** oRPC's link reads application/json only; problem+json is that too. */
async function fetchReadingProblems(request: Request, init: RequestInit): Promise<Response> {
  const response = await fetch(request, init);
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) return response;
  return Response.json(await response.json(), { status: response.status });
}

export function createClient(url: string, headers: Record<string, string>): Client {
  const link = new OpenAPILink(httpApi, {
    url: new URL('/api/v1', url),
    headers,
    fetch: fetchReadingProblems,
    customErrorResponseBodyDecoder: fromProblem,
  });
  return createORPCClient<Client>(link);
}

export const authorization = ({ token }: Credentials): Record<string, string> => ({ authorization: `Bearer ${token}` });

export async function connect(): Promise<{ client: Client; credentials: Credentials }> {
  const credentials = await readCredentials();
  return { client: createClient(credentials.url, authorization(credentials)), credentials };
}

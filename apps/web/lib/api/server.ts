import 'server-only';
import { cookies } from 'next/headers';
import { readConfig } from '../config.ts';
import { createApi } from './client.ts';

/** For server components: asks the api as the browser that asked us. */
export const serverApi = createApi({
  origin: () => readConfig().GANTRY_API_URL,
  headers: async () => ({ cookie: (await cookies()).toString() }),
  send: sendAgainWhenCut,
});

/** A pooled connection may have been cut by a restart of the api, which shows only when it is used. Here everything is a GET. */
async function sendAgainWhenCut(request: Request, init: RequestInit): Promise<Response> {
  const again = request.clone();
  return fetch(request, init).catch((error: unknown) => {
    if (error instanceof TypeError) return fetch(again, init);
    throw error;
  });
}

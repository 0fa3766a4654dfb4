import 'server-only';
import { cookies } from 'next/headers';
import { readConfig } from '../config.ts';
import { createApi } from './client.ts';

/** For server components: asks the api as the browser that asked us. */
export const serverApi = createApi({
  origin: () => readConfig().GANTRY_API_URL,
  headers: async () => ({ cookie: (await cookies()).toString() }),
});

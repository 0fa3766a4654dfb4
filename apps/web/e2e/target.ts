import { inject } from 'vitest';
import { z } from 'zod';

const Target = z.object({ url: z.url(), email: z.string().min(1), password: z.string().min(1), demoUrl: z.url() });
type Target = z.infer<typeof Target>;

declare module 'vitest' {
  interface ProvidedContext {
    product: { readonly url: string; readonly email: string; readonly password: string; readonly demoUrl: string; readonly engineSocket: string };
  }
}

/** The running product to test: the one the environment names, else the one the test run has started. */
export function readTarget(): Target {
  const { GANTRY_E2E_URL: url, GANTRY_E2E_EMAIL: email, GANTRY_E2E_PASSWORD: password, GANTRY_E2E_DEMO_URL: demoUrl } = process.env;
  return Target.parse(url === undefined ? inject('product') : { url, email, password, demoUrl });
}

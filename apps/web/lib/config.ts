import 'server-only';
import { z } from 'zod';

const Config = z.object({
  /** Where this process reaches the api; browsers reach it at their own origin. */
  GANTRY_API_URL: z.url().default('http://127.0.0.1:4400'),
});

/** Read per call, not at module load: the build imports pages without the environment of the running product. */
export function readConfig() {
  return Config.parse({ GANTRY_API_URL: process.env.GANTRY_API_URL });
}

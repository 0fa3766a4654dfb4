import { createApi } from './client.ts';

/** For client components. The session cookie goes along by itself: there is one origin. */
export const api = createApi({ origin: () => window.location.origin });

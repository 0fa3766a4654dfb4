import { buildEndpoints } from './build/endpoints.ts';
import { containerEndpoints } from './containers/endpoints.ts';
import type { Endpoint } from './endpoint.ts';
import { imageEndpoints } from './images/endpoints.ts';
import { networkEndpoints } from './networks/endpoints.ts';
import { elsewhereEndpoints } from './system/elsewhere.ts';
import { systemEndpoints } from './system/endpoints.ts';
import { volumeEndpoints } from './volumes/endpoints.ts';

/** All that is answered, in the order it is looked through: docs/engine-compat.md and the tests of bad input follow this table. */
export const endpoints: readonly Endpoint[] = [
  ...systemEndpoints,
  ...containerEndpoints,
  ...buildEndpoints,
  ...imageEndpoints,
  ...networkEndpoints,
  ...volumeEndpoints,
  ...elsewhereEndpoints,
];

import { httpApi, Problem } from '@gantry/contracts/http-api';
import { OpenAPIGenerator } from '@orpc/openapi';
import { ZodToJsonSchemaConverter } from '@orpc/zod/zod4';
import { version } from '../version.ts';

/** The REST API as an OpenAPI 3.1 document, made from the contract; docs/openapi.json is the committed copy. */
export function makeOpenApiDocument(): Promise<object> {
  const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] });
  return generator.generate(httpApi, {
    info: {
      title: 'Gantry',
      version,
      description: 'Every error is application/problem+json as the schema Problem says. Lists are paged by `limit` and `cursor`.',
      license: { name: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1' }],
    security: [{ session: [] }, { token: [] }],
    components: {
      securitySchemes: { session: { type: 'apiKey', in: 'cookie', name: 'gantry_session' }, token: { type: 'http', scheme: 'bearer' } },
    },
    commonSchemas: { Problem: { schema: Problem } },
  });
}

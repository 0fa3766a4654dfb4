import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeOpenApiDocument } from '../src/http/openapi.ts';

/** `node apps/api/tools/write-openapi.ts`: brings the committed docs/openapi.json up to date; a test compares it with what is served. */
await writeFile(join(import.meta.dirname, '../../../docs/openapi.json'), `${JSON.stringify(await makeOpenApiDocument(), null, 2)}\n`);

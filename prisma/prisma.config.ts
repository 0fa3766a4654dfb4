import { defineConfig } from 'prisma/config';

/** For Prisma's own command line: `prisma generate --config prisma/prisma.config.ts`. The api applies migrations itself at boot. */
export default defineConfig({
  schema: 'schema',
  migrations: { path: 'migrations' },
  datasource: { url: process.env.DATABASE_URL ?? '' },
});

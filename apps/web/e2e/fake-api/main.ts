import { parseArgs } from 'node:util';
import { createDemo } from './demo.ts';
import { seedCluster } from './seed.ts';
import { createFakeApi } from './server.ts';
import { Sessions } from './sessions.ts';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4499' },
    'demo-port': { type: 'string', default: '4498' },
    web: { type: 'string', default: 'http://127.0.0.1:3000' },
  },
});

const cluster = seedCluster(Number(values['demo-port']));
createDemo(cluster).listen(Number(values['demo-port']), '127.0.0.1');
createFakeApi(cluster, new Sessions(), values.web).listen(Number(values.port), '127.0.0.1', () =>
  process.stdout.write(`fake api on http://127.0.0.1:${values.port}\n`),
);

import { type Endpoint, on } from '../endpoint.ts';
import { describeEngine } from './describe-engine.ts';
import { diskUsage } from './disk-usage.ts';
import { streamEvents } from './events.ts';
import { inspectDistribution, logIn, searchImages } from './registry.ts';
import { ping, version } from './version.ts';

export const systemEndpoints: readonly Endpoint[] = [
  on('GET', '/_ping', ping),
  on('HEAD', '/_ping', ping),
  on('OPTIONS', '/{any}', (_, exchange) => exchange.sendStatus(200)),
  on('GET', '/version', version),
  on('GET', '/info', describeEngine),
  on('GET', '/events', streamEvents),
  on('GET', '/system/df', diskUsage),
  on('POST', '/auth', logIn),
  on('GET', '/distribution/{name}/json', inspectDistribution),
  on('GET', '/images/search', searchImages),
];

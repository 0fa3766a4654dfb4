import { PublishedPort } from '@gantry/contracts/http-api';
import { z } from 'zod';

type Port = z.infer<typeof PublishedPort>;

const short = /^(?:(?:(?<ip>[\d.]+):)?(?<published>\d+(?:-\d+)?)?:)?(?<target>\d+(?:-\d+)?)(?:\/(?<protocol>tcp|udp|sctp))?$/;
const longestRange = 64;

function readRange(text: string): number[] | null {
  const [first = 0, last = first] = text.split('-').map(Number);
  if (last < first || last - first >= longestRange || first < 1 || last > 65_535) return null;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** `8080:80`, `80`, `8000-8003:80-83/udp`; an address to bind is refused, as a service has no single host. */
function parseShortPort(text: string): Port[] | string {
  const groups = short.exec(text)?.groups;
  if (groups === undefined) return `"${text}" is no port: expected [PUBLISHED:]TARGET[/PROTOCOL]`;
  if (groups.ip !== undefined && groups.ip !== '0.0.0.0') return `"${text}" names an address: services publish on every address of a node`;
  const targets = readRange(groups.target ?? '');
  const published = groups.published === undefined ? null : readRange(groups.published);
  if (targets === null || (groups.published !== undefined && published === null)) return `"${text}" is no range of ports`;
  if (published !== null && published.length !== targets.length) return `"${text}" publishes ${published.length} ports for ${targets.length}`;
  return targets.map((targetPort, index) => PublishedPort.parse({ targetPort, publishedPort: published?.[index] ?? 0, protocol: groups.protocol ?? 'tcp' }));
}

const LongPort = z
  .strictObject({
    target: z.coerce.number().int().min(1).max(65_535),
    published: z.coerce.number().int().min(0).max(65_535).default(0),
    protocol: z.enum(['tcp', 'udp', 'sctp']).default('tcp'),
    mode: z.enum(['ingress', 'host']).default('ingress'),
    name: z.string().optional(),
    app_protocol: z.string().optional(),
  })
  .transform(({ target, published, protocol, mode }): Port[] => [{ targetPort: target, publishedPort: published, protocol, mode }]);

const ShortPort = z.union([z.string(), z.number()]).transform((value, context): Port[] => {
  const ports = parseShortPort(String(value));
  if (typeof ports !== 'string') return ports;
  context.addIssue({ code: 'custom', message: ports });
  return z.NEVER;
});

export const ComposePort = z.union([ShortPort, LongPort]);

import type { ClusterNode, Service, Stack } from '@gantry/contracts/http-api';
import { paths } from '../../lib/paths.ts';

export interface Destination {
  title: string;
  kind: 'Page' | 'Node' | 'Service' | 'Stack';
  href: string;
}

const pages: readonly Destination[] = [
  { title: 'Overview', kind: 'Page', href: paths.overview() },
  { title: 'Nodes', kind: 'Page', href: paths.nodes() },
  { title: 'Services', kind: 'Page', href: paths.services() },
  { title: 'Stacks', kind: 'Page', href: paths.stacks() },
  { title: 'Tasks', kind: 'Page', href: paths.tasks() },
  { title: 'Secrets', kind: 'Page', href: paths.secrets() },
  { title: 'Configs', kind: 'Page', href: paths.configs() },
  { title: 'API tokens', kind: 'Page', href: paths.account() },
];

const shownAtMost = 50;

export function toDestinations(nodes: readonly ClusterNode[], services: readonly Service[], stacks: readonly Stack[]): Destination[] {
  return [
    ...pages,
    ...services.map((service) => ({ title: service.spec.name, kind: 'Service' as const, href: paths.service(service.id) })),
    ...stacks.map((stack) => ({ title: stack.name, kind: 'Stack' as const, href: paths.servicesOfStack(stack.id) })),
    ...nodes.map((node) => ({ title: node.spec.name, kind: 'Node' as const, href: paths.node(node.id) })),
  ];
}

/** Names that start with the text come before names that only contain it. */
export function matchDestinations(destinations: readonly Destination[], text: string): Destination[] {
  const wanted = text.trim().toLowerCase();
  const places = destinations.map((destination) => ({ destination, at: destination.title.toLowerCase().indexOf(wanted) }));
  return places
    .filter(({ at }) => at >= 0)
    .sort((a, b) => Math.min(a.at, 1) - Math.min(b.at, 1))
    .slice(0, shownAtMost)
    .map(({ destination }) => destination);
}

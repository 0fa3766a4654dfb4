import type { NodeId, ServiceId, StackId, TaskId } from '@gantry/contracts/ids';

/** Every address of the dashboard is made here. */
export const paths = {
  overview: () => '/',
  nodes: () => '/nodes',
  node: (nodeId: NodeId) => `/nodes/${nodeId}`,
  services: () => '/services',
  servicesOfStack: (stackId: StackId) => `/services?stack=${stackId}`,
  service: (serviceId: ServiceId) => `/services/${serviceId}`,
  stacks: () => '/stacks',
  secrets: () => '/secrets',
  configs: () => '/configs',
  tasks: () => '/tasks',
  task: (taskId: TaskId) => `/tasks/${taskId}`,
  taskLogs: (taskId: TaskId) => `/tasks/${taskId}?view=logs`,
  taskTerminal: (taskId: TaskId) => `/tasks/${taskId}?view=terminal`,
  account: () => '/account',
  signIn: () => '/sign-in',
  signInThen: (next: string) => `/sign-in?next=${encodeURIComponent(next)}`,
} as const;

/** What the HTTP API has beside the contract's operations. */
export const streamPaths = {
  health: () => '/healthz',
  live: () => '/api/v1/live',
  taskLogs: (taskId: TaskId, query: { follow: boolean; tail: number; since?: string }) => {
    const search = new URLSearchParams({ follow: String(query.follow), tail: String(query.tail), ...(query.since ? { since: query.since } : {}) });
    return `/api/v1/tasks/${taskId}/logs?${search}`;
  },
  taskTerminal: (taskId: TaskId, size: { height: number; width: number }) => `/api/v1/tasks/${taskId}/terminal?height=${size.height}&width=${size.width}`,
} as const;

/** Where to go after signing in: a path of this dashboard, never another site. */
export function toLocalPath(next: string | null): string {
  const fallback = paths.overview();
  if (!next?.startsWith('/')) return fallback;
  const base = 'http://dashboard.invalid';
  if (!URL.canParse(next, base)) return fallback;
  const url = new URL(next, base);
  return url.origin === base ? `${url.pathname}${url.search}` : fallback;
}

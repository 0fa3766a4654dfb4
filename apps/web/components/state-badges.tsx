import type { ClusterNode, Service, TaskState } from '@gantry/contracts/http-api';
import { Badge, StatusDot, type Tone } from '@gantry/ui/badge';

const nodeTones: Record<ClusterNode['status']['state'], Tone> = { ready: 'good', down: 'bad', unknown: 'idle' };
const serviceTones: Record<Service['status']['state'], Tone> = { converged: 'good', updating: 'busy', pending: 'warn', removing: 'idle' };
const serviceTitles: Record<Service['status']['state'], string> = { converged: 'Running', updating: 'Updating', pending: 'Pending', removing: 'Removing' };
const taskTones: Record<TaskState, Tone> = {
  pending: 'warn',
  assigned: 'busy',
  preparing: 'busy',
  starting: 'busy',
  running: 'good',
  complete: 'idle',
  failed: 'bad',
  rejected: 'bad',
  shutdown: 'idle',
  orphaned: 'bad',
};

/** Docker's words; a newer engine may have others. */
const containerTones: ReadonlyMap<string, Tone> = new Map([
  ['running', 'good'],
  ['created', 'busy'],
  ['restarting', 'busy'],
  ['paused', 'warn'],
  ['dead', 'bad'],
]);

export function NodeBadge({ node }: { node: ClusterNode }) {
  const { state } = node.status;
  const { availability } = node.spec;
  if (state === 'ready' && availability !== 'active') return <StateBadge tone="warn" title={availability === 'drain' ? 'Draining' : 'Paused'} />;
  return <StateBadge tone={nodeTones[state]} title={capitalise(state)} />;
}

export function ServiceBadge({ service }: { service: Service }) {
  const { state, desiredTasks } = service.status;
  if (state === 'converged' && desiredTasks === 0) return <StateBadge tone="idle" title="Scaled to zero" />;
  return <StateBadge tone={serviceTones[state]} title={serviceTitles[state]} />;
}

export function TaskBadge({ state }: { state: TaskState }) {
  return <StateBadge tone={taskTones[state]} title={capitalise(state)} />;
}

export function ContainerBadge({ state }: { state: string }) {
  return <StateBadge tone={containerTones.get(state) ?? 'idle'} title={capitalise(state)} />;
}

function StateBadge({ tone, title }: { tone: Tone; title: string }) {
  return (
    <Badge tone={tone}>
      <StatusDot tone={tone} />
      {title}
    </Badge>
  );
}

function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

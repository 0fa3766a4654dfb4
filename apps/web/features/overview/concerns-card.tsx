import { Card, CardHeader } from '@gantry/ui/card';
import { Skeleton } from '@gantry/ui/skeleton';
import { CircleCheck } from 'lucide-react';
import { ResourceLink } from '../../components/resource-link.tsx';
import { NodeBadge, ServiceBadge } from '../../components/state-badges.tsx';
import { paths } from '../../lib/paths.ts';
import type { Concern } from './summary.ts';

const shown = 5;

export function ConcernsCard({ concerns, hasNodes }: { concerns: Concern[] | undefined; hasNodes: boolean }) {
  return (
    <Card>
      <CardHeader title="Needs attention" description="Nodes that are not ready and services that are short of tasks" />
      {!concerns && (
        <div className="flex flex-col gap-3 p-4">
          <Skeleton />
          <Skeleton />
        </div>
      )}
      {concerns && !hasNodes && (
        <p className="border-b px-4 py-2.5 text-sm last:border-b-0">
          No host has joined yet, so nothing can run. <ResourceLink href={paths.nodes()}>Add a node</ResourceLink>
        </p>
      )}
      {concerns?.length === 0 && hasNodes && (
        <p className="flex items-center gap-2 px-4 py-6 text-muted-foreground text-sm">
          <CircleCheck aria-hidden className="size-4 text-good" /> Everything runs as wanted.
        </p>
      )}
      {concerns && concerns.length > 0 && (
        <ul>
          {concerns.slice(0, shown).map((concern) => (
            <ConcernRow key={concern.kind === 'node' ? concern.node.id : concern.service.id} concern={concern} />
          ))}
          {concerns.length > shown && <li className="px-4 py-2 text-muted-foreground text-xs">and {concerns.length - shown} more</li>}
        </ul>
      )}
    </Card>
  );
}

function ConcernRow({ concern }: { concern: Concern }) {
  return (
    <li className="flex items-center justify-between gap-4 border-b px-4 py-2.5 text-sm last:border-b-0">
      <div className="min-w-0">
        {concern.kind === 'node' ? (
          <ResourceLink href={paths.node(concern.node.id)}>{concern.node.spec.name}</ResourceLink>
        ) : (
          <ResourceLink href={paths.service(concern.service.id)}>{concern.service.spec.name}</ResourceLink>
        )}
        <p className="line-clamp-2 text-muted-foreground text-xs">{concern.why}</p>
      </div>
      {concern.kind === 'node' ? <NodeBadge node={concern.node} /> : <ServiceBadge service={concern.service} />}
    </li>
  );
}

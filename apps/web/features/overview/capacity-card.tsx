import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { Meter } from '@gantry/ui/meter';
import { Skeleton } from '@gantry/ui/skeleton';
import { formatBytes, formatCpus } from '../../lib/format.ts';
import type { Capacity } from './summary.ts';

export function CapacityCard({ capacity }: { capacity: Capacity | undefined }) {
  return (
    <Card>
      <CardHeader title="Capacity" description="What running tasks have reserved on nodes that are ready" />
      <CardBody className="flex flex-col gap-4">
        {capacity ? (
          <>
            <Amount title="CPU" used={capacity.reservedCpus} total={capacity.cpus} format={(cpus) => formatCpus(cpus * 1e9)} unit=" CPUs" />
            <Amount title="Memory" used={capacity.reservedMemoryBytes} total={capacity.memoryBytes} format={formatBytes} unit="" />
          </>
        ) : (
          <>
            <Skeleton className="h-8" />
            <Skeleton className="h-8" />
          </>
        )}
      </CardBody>
    </Card>
  );
}

interface AmountProps {
  title: string;
  used: number;
  total: number;
  format: (amount: number) => string;
  unit: string;
}

function Amount({ title, used, total, format, unit }: AmountProps) {
  return (
    <div>
      <p className="mb-1.5 flex justify-between gap-4 text-sm">
        <span>{title}</span>
        <span className="text-muted-foreground tabular-nums">
          {format(used)} of {format(total)}
          {unit} reserved
        </span>
      </p>
      <Meter of="capacity" label={`${title} reserved`} share={total === 0 ? 0 : used / total} />
    </div>
  );
}

import type { Task } from '@gantry/contracts/http-api';
import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { CopyButton } from '@gantry/ui/copy-button';
import { Fact, FactList } from '@gantry/ui/fact-list';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { TaskSpecFacts } from '../../components/task-spec-facts.tsx';
import { paths } from '../../lib/paths.ts';

export function TaskFacts({ task }: { task: Task }) {
  const { containerId, exitCode } = task.status;
  return (
    <div className="flex flex-col gap-5">
      <Card>
        <CardHeader title="Task" />
        <CardBody className="py-1">
          <FactList>
            <Fact label="Service">
              <ResourceLink href={paths.service(task.serviceId)}>{task.serviceName}</ResourceLink>
            </Fact>
            <Fact label="Node">{task.nodeId ? <ResourceLink href={paths.node(task.nodeId)}>{task.nodeName ?? task.nodeId}</ResourceLink> : 'Not placed'}</Fact>
            <Fact label="Desired state">{task.desiredState}</Fact>
            <Fact label="Exit code">{exitCode ?? '–'}</Fact>
            <Fact label="Created">
              <RelativeTime at={task.createdAt} />
            </Fact>
            <Fact label="Last change">
              <RelativeTime at={task.status.at} />
            </Fact>
            <IdFact label="Task ID" id={task.id} />
            {containerId && <IdFact label="Container ID" id={containerId} />}
          </FactList>
        </CardBody>
      </Card>
      <Card>
        <CardHeader title="What runs" />
        <CardBody className="py-1">
          <TaskSpecFacts spec={task.spec} />
        </CardBody>
      </Card>
    </div>
  );
}

function IdFact({ label, id }: { label: string; id: string }) {
  return (
    <Fact label={label} isWide>
      <span className="flex items-center gap-1 font-mono text-xs">
        <span className="break-all">{id}</span>
        <CopyButton text={id} label={label} />
      </span>
    </Fact>
  );
}

import type { Service } from '@gantry/contracts/http-api';
import { Badge } from '@gantry/ui/badge';
import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { CopyButton } from '@gantry/ui/copy-button';
import { Fact, FactList } from '@gantry/ui/fact-list';
import { RelativeTime } from '../../components/relative-time.tsx';
import { ResourceLink } from '../../components/resource-link.tsx';
import { paths } from '../../lib/paths.ts';

export function ServiceFacts({ service }: { service: Service }) {
  const { mode, labels, update } = service.spec;
  const labelEntries = Object.entries(labels);
  return (
    <Card>
      <CardHeader title="Service" />
      <CardBody className="py-1">
        <FactList>
          <Fact label="Mode">{mode.type === 'replicated' ? `Replicated, ${mode.replicas}` : 'Global, one on each node'}</Fact>
          <Fact label="Stack">
            {service.stackId ? <ResourceLink href={paths.servicesOfStack(service.stackId)}>{service.stackName ?? service.stackId}</ResourceLink> : 'None'}
          </Fact>
          <Fact label="Update">{`${update.parallelism === 0 ? 'All' : update.parallelism} at a time, ${update.order}`}</Fact>
          <Fact label="When it fails">{update.failureAction}</Fact>
          <Fact label="Created">
            <RelativeTime at={service.createdAt} />
          </Fact>
          <Fact label="Changed">
            <RelativeTime at={service.updatedAt} />
          </Fact>
          <Fact label="Service ID" isWide>
            <span className="flex items-center gap-1 font-mono text-xs">
              <span className="break-all">{service.id}</span>
              <CopyButton text={service.id} label="service ID" />
            </span>
          </Fact>
          {labelEntries.length > 0 && (
            <Fact label="Labels" isWide>
              <span className="flex flex-wrap gap-1.5">
                {labelEntries.map(([name, value]) => (
                  <Badge key={name} className="h-auto whitespace-normal break-all">
                    {value ? `${name}=${value}` : name}
                  </Badge>
                ))}
              </span>
            </Fact>
          )}
        </FactList>
      </CardBody>
    </Card>
  );
}

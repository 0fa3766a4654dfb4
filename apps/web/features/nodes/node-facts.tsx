import type { ClusterNode } from '@gantry/contracts/http-api';
import { Badge } from '@gantry/ui/badge';
import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { CodeLine } from '@gantry/ui/code-line';
import { CopyButton } from '@gantry/ui/copy-button';
import { Fact, FactList } from '@gantry/ui/fact-list';
import { RelativeTime } from '../../components/relative-time.tsx';
import { formatBytes } from '../../lib/format.ts';

type Facts = NonNullable<ClusterNode['status']['facts']>;

const cgroupTitles: Record<Facts['cgroupVersion'], string> = { v1: 'v1', v2: 'v2', hybrid: 'hybrid (v1 controllers)', none: 'none' };

export function NodeFactsCard({ node, facts }: { node: ClusterNode; facts: Facts }) {
  const labels = Object.entries(node.spec.labels);
  return (
    <Card>
      <CardHeader title="Host" />
      <CardBody className="pt-1">
        <FactList>
          <Fact label="CPUs">{facts.cpus}</Fact>
          <Fact label="Memory">{formatBytes(facts.memoryBytes)}</Fact>
          <Fact label="System">{facts.operatingSystem}</Fact>
          <Fact label="Kernel">{facts.kernel}</Fact>
          <Fact label="Architecture">{facts.architecture}</Fact>
          <Fact label="Cgroups">{cgroupTitles[facts.cgroupVersion]}</Fact>
          <Fact label="Agent">
            {facts.agentVersion} <span className="text-muted-foreground">· executor {facts.executorVersion}</span>
          </Fact>
          <Fact label="Docker API">{facts.engineApiVersion}</Fact>
          <Fact label="Last seen">{node.status.lastSeenAt ? <RelativeTime at={node.status.lastSeenAt} /> : 'Never'}</Fact>
          <Fact label="Joined">
            <RelativeTime at={node.createdAt} />
          </Fact>
          <Fact label="Node ID" isWide>
            <span className="flex items-center gap-1 font-mono text-xs">
              <span className="break-all">{node.id}</span>
              <CopyButton text={node.id} label="node ID" />
            </span>
          </Fact>
          <Fact label="Addresses" isWide>
            <span className="flex flex-wrap gap-x-4 gap-y-1 font-mono text-xs">
              {facts.addresses.length > 0 ? facts.addresses.map((address) => <span key={address}>{address}</span>) : '–'}
            </span>
          </Fact>
          {labels.length > 0 && (
            <Fact label="Labels" isWide>
              <span className="flex flex-wrap gap-1.5">
                {labels.map(([name, value]) => (
                  <Badge key={name}>{value ? `${name}=${value}` : name}</Badge>
                ))}
              </span>
            </Fact>
          )}
        </FactList>
        <div className="mt-4">
          <p className="mb-1.5 text-muted-foreground text-xs">On this host, the Docker CLI talks to the same containers:</p>
          <CodeLine label="Docker command" text={`docker -H unix://${facts.engineSocket} ps`} />
        </div>
      </CardBody>
    </Card>
  );
}

'use client';

import type { ClusterNode } from '@gantry/contracts/http-api';
import type { NodeId } from '@gantry/contracts/ids';
import { Callout } from '@gantry/ui/callout';
import { Card } from '@gantry/ui/card';
import { Tab, TabList, TabPanel, Tabs } from '@gantry/ui/tabs';
import { useQuery } from '@tanstack/react-query';
import { Detail } from '../../components/detail.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { NodeBadge } from '../../components/state-badges.tsx';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import { TaskTable } from '../tasks/task-table.tsx';
import { AvailabilityControl } from './availability-control.tsx';
import { ContainerTable } from './container-table.tsx';
import { EditNode } from './edit-node.tsx';
import { NodeFactsCard } from './node-facts.tsx';
import { nodeQuery } from './queries.ts';
import { RemoveNode } from './remove-node.tsx';

const nodes = { title: 'Nodes', href: paths.nodes() };

export function NodeView({ nodeId }: { nodeId: NodeId }) {
  const query = useQuery(nodeQuery(api, nodeId));
  return (
    <Detail query={query} missing={{ title: 'There is no such node', back: { title: 'All nodes', href: nodes.href } }}>
      {(node) => <LoadedNode node={node} />}
    </Detail>
  );
}

function LoadedNode({ node }: { node: ClusterNode }) {
  const { facts, message, state } = node.status;
  return (
    <>
      <PageHeader
        title={node.spec.name}
        parent={nodes}
        badge={<NodeBadge node={node} />}
        actions={
          <>
            <AvailabilityControl node={node} />
            <EditNode node={node} />
            <RemoveNode node={node} />
          </>
        }
      />
      <div className="flex flex-col gap-5">
        {state !== 'ready' && <Callout tone={state === 'down' ? 'bad' : 'warn'}>{message || 'This node has not connected yet.'}</Callout>}
        {facts && <NodeFactsCard node={node} facts={facts} />}
        <Tabs defaultValue="containers">
          <TabList aria-label="On this node">
            <Tab value="containers">Containers</Tab>
            <Tab value="tasks">Tasks</Tab>
          </TabList>
          <TabPanel value="containers">
            <Card>
              <ContainerTable node={node} />
            </Card>
          </TabPanel>
          <TabPanel value="tasks">
            <Card>
              <TaskTable filter={{ nodeId: node.id }} hiddenColumns={['Node']} emptyText="The scheduler has placed no task on this node." />
            </Card>
          </TabPanel>
        </Tabs>
      </div>
    </>
  );
}

'use client';

import type { Service } from '@gantry/contracts/http-api';
import type { ServiceId } from '@gantry/contracts/ids';
import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { Tab, TabList, TabPanel, Tabs } from '@gantry/ui/tabs';
import { useQuery } from '@tanstack/react-query';
import { Detail } from '../../components/detail.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { ServiceBadge } from '../../components/state-badges.tsx';
import { TaskSpecFacts } from '../../components/task-spec-facts.tsx';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import { TaskTable } from '../tasks/task-table.tsx';
import { Convergence } from './convergence.tsx';
import { EditService } from './edit-service.tsx';
import { serviceQuery } from './queries.ts';
import { RemoveService } from './remove-service.tsx';
import { RevisionList } from './revisions/revision-list.tsx';
import { ServiceFacts } from './service-facts.tsx';
import { UpdateProgress } from './update-progress.tsx';

const services = { title: 'Services', href: paths.services() };

export function ServiceView({ serviceId }: { serviceId: ServiceId }) {
  const query = useQuery(serviceQuery(api, serviceId));
  return (
    <Detail query={query} missing={{ title: 'There is no such service', back: { title: 'All services', href: services.href } }}>
      {(service) => <LoadedService service={service} />}
    </Detail>
  );
}

function LoadedService({ service }: { service: Service }) {
  return (
    <>
      <PageHeader
        title={service.spec.name}
        parent={services}
        badge={<ServiceBadge service={service} />}
        actions={
          <>
            <EditService service={service} />
            <RemoveService service={service} />
          </>
        }
      />
      <div className="flex flex-col gap-5">
        <Convergence service={service} />
        <UpdateProgress service={service} />
        <Tabs defaultValue="tasks">
          <TabList aria-label="Of this service">
            <Tab value="tasks">Tasks</Tab>
            <Tab value="history">History</Tab>
            <Tab value="spec">Specification</Tab>
            <Tab value="revisions">Revisions</Tab>
          </TabList>
          <TabPanel value="tasks">
            <Card>
              <TaskTable filter={{ serviceId: service.id, desiredState: 'running' }} emptyText="This service is to run no task at the moment." />
            </Card>
          </TabPanel>
          <TabPanel value="history">
            <Card>
              <TaskTable filter={{ serviceId: service.id }} emptyText="This service has had no task yet." />
            </Card>
          </TabPanel>
          <TabPanel value="revisions">
            <Card>
              <RevisionList service={service} />
            </Card>
          </TabPanel>
          <TabPanel value="spec" className="flex flex-col gap-5">
            <ServiceFacts service={service} />
            <Card>
              <CardHeader title="Each task" />
              <CardBody className="py-1">
                <TaskSpecFacts spec={service.spec.task} />
              </CardBody>
            </Card>
          </TabPanel>
        </Tabs>
      </div>
    </>
  );
}

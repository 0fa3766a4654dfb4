'use client';

import type { Task } from '@gantry/contracts/http-api';
import type { TaskId } from '@gantry/contracts/ids';
import { Callout } from '@gantry/ui/callout';
import { Card, CardBody, CardHeader } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { Tab, TabList, TabPanel, Tabs } from '@gantry/ui/tabs';
import { useQuery } from '@tanstack/react-query';
import { ScrollText, SquareTerminal } from 'lucide-react';
import { usePathname, useRouter, useSearchParams } from 'next/navigation';
import { type ReactNode, useState } from 'react';
import { useAccount } from '../../components/account-context.tsx';
import { Detail } from '../../components/detail.tsx';
import { PageHeader } from '../../components/page-header.tsx';
import { TaskBadge } from '../../components/state-badges.tsx';
import { api } from '../../lib/api/browser.ts';
import { paths } from '../../lib/paths.ts';
import type { Permission } from '../../lib/permission.ts';
import { taskCan } from './actions.ts';
import { LogView } from './logs/log-view.tsx';
import { taskQuery } from './queries.ts';
import { TaskFacts } from './task-facts.tsx';
import { taskName } from './task-name.ts';
import { TaskTimeline } from './task-timeline.tsx';
import { TerminalView } from './terminal/terminal-view.tsx';

export function TaskView({ taskId }: { taskId: TaskId }) {
  const query = useQuery(taskQuery(api, taskId));
  return (
    <Detail query={query} missing={{ title: 'There is no such task', back: { title: 'All tasks', href: paths.tasks() } }}>
      {(task) => <LoadedTask task={task} />}
    </Detail>
  );
}

function LoadedTask({ task }: { task: Task }) {
  const account = useAccount();
  const [view, setView] = useViewParameter();
  const [isTerminalOpen, setIsTerminalOpen] = useState(view === 'terminal');
  // A shell, once opened, outlives a look at the log.
  if (view === 'terminal' && !isTerminalOpen) setIsTerminalOpen(true);
  const { error, message } = task.status;
  return (
    <>
      <PageHeader
        title={taskName(task)}
        parent={{ title: task.serviceName, href: paths.service(task.serviceId) }}
        badge={<TaskBadge state={task.status.state} />}
      />
      <div className="flex flex-col gap-5">
        {error && <Callout tone="bad">{error}</Callout>}
        <Card>
          <CardHeader title="Status" description={error ? undefined : message} />
          <CardBody>
            <TaskTimeline task={task} />
          </CardBody>
        </Card>
        <Tabs value={view} onValueChange={setView}>
          <TabList aria-label="Of this task">
            <Tab value="logs">Logs</Tab>
            <Tab value="terminal">Terminal</Tab>
            <Tab value="details">Details</Tab>
          </TabList>
          <TabPanel value="logs">
            <WhenAllowed can={taskCan.readLogs(account, task)} icon={<ScrollText aria-hidden />}>
              <LogView key={task.status.containerId} task={task} />
            </WhenAllowed>
          </TabPanel>
          <TabPanel value="terminal" {...(isTerminalOpen ? { forceMount: true as const, hidden: view !== 'terminal' } : {})}>
            <WhenAllowed can={taskCan.openTerminal(account, task)} icon={<SquareTerminal aria-hidden />}>
              <TerminalView taskId={task.id} />
            </WhenAllowed>
          </TabPanel>
          <TabPanel value="details">
            <TaskFacts task={task} />
          </TabPanel>
        </Tabs>
      </div>
    </>
  );
}

function WhenAllowed({ can, icon, children }: { can: Permission; icon: ReactNode; children: ReactNode }) {
  if (can.isAllowed) return children;
  return (
    <Card>
      <Empty icon={icon} title={can.reason} />
    </Card>
  );
}

const views = ['logs', 'terminal', 'details'];

/** The chosen tab is part of the address, so that it can be linked to. */
function useViewParameter(): [string, (view: string) => void] {
  const router = useRouter();
  const pathname = usePathname();
  const view = useSearchParams().get('view');
  return [view && views.includes(view) ? view : 'logs', (next) => router.replace(`${pathname}?view=${next}`, { scroll: false })];
}

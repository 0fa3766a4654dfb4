'use client';

import { Card } from '@gantry/ui/card';
import { Segmented } from '@gantry/ui/segmented';
import { useState } from 'react';
import { PageHeader } from '../../components/page-header.tsx';
import { TaskTable } from './task-table.tsx';

const choices = [
  { value: 'current', label: 'Current' },
  { value: 'all', label: 'All' },
] as const;

export function TaskList() {
  const [shown, setShown] = useState<'current' | 'all'>('current');
  return (
    <>
      <PageHeader
        title="Tasks"
        description="The scheduled copies of all services, newest first"
        actions={<Segmented label="Which tasks" value={shown} onChange={setShown} choices={choices} />}
      />
      <Card>
        <TaskTable
          key={shown}
          filter={shown === 'current' ? { desiredState: 'running' } : {}}
          emptyText="Tasks are made by services: deploy a stack or create a service."
        />
      </Card>
    </>
  );
}

'use client';

import type { Service } from '@gantry/contracts/http-api';
import { Card } from '@gantry/ui/card';
import { Meter } from '@gantry/ui/meter';
import { Spinner } from '@gantry/ui/spinner';
import type { ReactNode } from 'react';
import { shortImage } from '../../lib/format.ts';
import { PortLinks } from './port-links.tsx';
import { ScaleControl } from './scale-control.tsx';

/** How far what runs is from what is wanted, and the control that says how much is wanted. */
export function Convergence({ service }: { service: Service }) {
  const { runningTasks, desiredTasks, state, message } = service.status;
  const isUnderWay = state === 'updating' || state === 'removing' || (state === 'converged' && runningTasks !== desiredTasks);
  return (
    <Card className="grid gap-px bg-border sm:grid-cols-3">
      <Tile title="Tasks">
        <div className="flex items-center justify-between gap-3">
          <p role="status" aria-live="polite" className="flex items-center gap-2 font-semibold text-lg tabular-nums">
            {runningTasks} of {desiredTasks} running
            {isUnderWay && <Spinner className="text-busy" />}
          </p>
          <ScaleControl service={service} />
        </div>
        <Meter of="goal" label="Tasks running" share={desiredTasks === 0 ? 0 : runningTasks / desiredTasks} className="mt-2" />
        {message && <p className="mt-1.5 text-muted-foreground text-xs">{message}</p>}
      </Tile>
      <Tile title="Ports">
        <PortLinks ports={service.ports} />
      </Tile>
      <Tile title="Image">
        <p className="break-all font-mono text-xs" title={service.spec.task.image}>
          {shortImage(service.spec.task.image)}
        </p>
      </Tile>
    </Card>
  );
}

function Tile({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div className="bg-surface px-4 py-3">
      <h2 className="mb-1.5 text-muted-foreground text-xs">{title}</h2>
      {children}
    </div>
  );
}

'use client';

import type { Task } from '@gantry/contracts/http-api';
import { Button } from '@gantry/ui/button';
import { Callout } from '@gantry/ui/callout';
import { Input } from '@gantry/ui/field';
import { Spinner } from '@gantry/ui/spinner';
import { ArrowDown, Clock, Download, Eraser, Pause, Play, Search } from 'lucide-react';
import { useDeferredValue, useState } from 'react';
import { toast } from 'sonner';
import { formatCount } from '../../../lib/format.ts';
import { taskName } from '../task-name.ts';
import { readWholeLog } from './follow-log.ts';
import { LogLines } from './log-lines.tsx';
import { useLog } from './use-log.ts';
import { useStickToEnd } from './use-stick-to-end.ts';

const stateTexts = { loading: 'Opening', following: 'Following', ended: 'The log has ended', lost: 'Connection lost, trying again' } as const;

export function LogView({ task }: { task: Task }) {
  const log = useLog(task.id);
  const [frozen, setFrozen] = useState<typeof log.lines>();
  const [search, setSearch] = useState('');
  const [showsTimes, setShowsTimes] = useState(false);
  const [isDownloading, setIsDownloading] = useState(false);
  const wanted = useDeferredValue(search.trim().toLowerCase());
  const shown = frozen ?? log.lines;
  const lines = wanted === '' ? shown : shown.filter((line) => line.line.toLowerCase().includes(wanted));
  const end = useStickToEnd(lines);

  const download = async () => {
    setIsDownloading(true);
    try {
      saveText(`${taskName(task)}-${task.id}.log`, await readWholeLog(task.id));
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'The log could not be read.');
    } finally {
      setIsDownloading(false);
    }
  };

  return (
    <div className="overflow-hidden rounded-lg border bg-surface">
      <div className="flex flex-wrap items-center gap-2 border-b p-2">
        <div className="relative min-w-40 flex-1">
          <Search aria-hidden className="absolute top-2 left-2.5 size-4 text-muted-foreground" />
          <Input aria-label="Search the log" placeholder="Search" value={search} onChange={(event) => setSearch(event.target.value)} className="pl-8" />
        </div>
        <Button aria-pressed={frozen !== undefined} onClick={() => setFrozen(frozen ? undefined : log.lines)}>
          {frozen ? <Play aria-hidden /> : <Pause aria-hidden />}
          {frozen ? 'Resume' : 'Pause'}
        </Button>
        <Button aria-pressed={showsTimes} onClick={() => setShowsTimes(!showsTimes)} className="aria-pressed:bg-muted">
          <Clock aria-hidden /> Times
        </Button>
        <Button variant="ghost" size="icon" aria-label="Clear what is shown" title="Clear what is shown" onClick={log.clear}>
          <Eraser aria-hidden />
        </Button>
        <Button variant="ghost" size="icon" aria-label="Download the log" title="Download the log" isBusy={isDownloading} onClick={download}>
          {!isDownloading && <Download aria-hidden />}
        </Button>
      </div>
      {log.refusal && <Callout tone="bad">{log.refusal}</Callout>}
      <div className="relative">
        <LogLines lines={lines} wanted={wanted} showsTimes={showsTimes} scroller={end.scroller} onScroll={end.onScroll} />
        {!end.isAtEnd && (
          <Button size="sm" variant="primary" onClick={end.goToEnd} className="absolute right-4 bottom-3 shadow-raised">
            <ArrowDown aria-hidden /> Latest
          </Button>
        )}
      </div>
      <footer className="flex items-center gap-2 border-t px-3 py-1.5 text-muted-foreground text-xs">
        {(log.state === 'loading' || log.state === 'lost') && <Spinner />}
        <span role="status">{frozen ? 'Paused' : stateTexts[log.state]}</span>
        <span className="ml-auto tabular-nums">
          {wanted === '' ? formatCount(shown.length, 'line') : `${lines.length.toLocaleString('en')} of ${formatCount(shown.length, 'line')}`}
          {log.hasDropped && ', older ones not shown'}
        </span>
      </footer>
    </div>
  );
}

function saveText(name: string, text: string) {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

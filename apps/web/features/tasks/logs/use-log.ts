'use client';

import type { LogLine } from '@gantry/contracts/http-api';
import type { TaskId } from '@gantry/contracts/ids';
import { useEffect, useRef, useState } from 'react';
import { followLog, isRefused, type LogStreamState } from './follow-log.ts';
import { type HeldLine, LogBuffer } from './log-buffer.ts';

const heldLines = 5000;
/** A busy log sends thousands of lines a second; the page is drawn a few times. */
const drawPeriodMs = 100;

export interface Log {
  lines: readonly HeldLine[];
  hasDropped: boolean;
  state: LogStreamState;
  refusal: string | undefined;
  clear: () => void;
}

/** Of one task for the life of the component: give it a key. */
export function useLog(taskId: TaskId): Log {
  const buffer = useRef(new LogBuffer(heldLines));
  const [lines, setLines] = useState<readonly HeldLine[]>([]);
  const [state, setState] = useState<LogStreamState>('loading');
  const [refusal, setRefusal] = useState<string>();

  useEffect(() => {
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let arrived: LogLine[] = [];
    let resumedAfter: string | undefined;
    const draw = () => {
      clearTimeout(timer);
      timer = undefined;
      buffer.current.add(arrived, resumedAfter);
      arrived = [];
      setLines(buffer.current.lines);
    };
    followLog({
      taskId,
      signal: leaving.signal,
      resumeAfter: () => {
        draw();
        resumedAfter = buffer.current.lastAt;
        return resumedAfter;
      },
      onLine: (line) => {
        arrived.push(line);
        timer ??= setTimeout(draw, drawPeriodMs);
      },
      onState: setState,
    }).catch((error: unknown) => {
      setState('ended');
      setRefusal(isRefused(error) ? error.message : 'the log could not be read');
    });
    return () => {
      leaving.abort();
      clearTimeout(timer);
    };
  }, [taskId]);

  return {
    lines,
    hasDropped: buffer.current.hasDropped,
    state,
    refusal,
    clear: () => {
      buffer.current.clear();
      setLines(buffer.current.lines);
    },
  };
}

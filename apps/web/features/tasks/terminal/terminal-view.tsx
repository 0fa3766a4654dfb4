'use client';

import '@xterm/xterm/css/xterm.css';
import type { TaskId } from '@gantry/contracts/ids';
import { Button } from '@gantry/ui/button';
import { RotateCw } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { TerminalConnection, type TerminalEnd } from './terminal-connection.ts';

type TerminalPhase = { kind: 'connecting' } | { kind: 'open' } | TerminalEnd;

export function TerminalView({ taskId }: { taskId: TaskId }) {
  const [attempt, setAttempt] = useState(1);
  return <TerminalSession key={`${taskId} ${attempt}`} taskId={taskId} onRestart={() => setAttempt(attempt + 1)} />;
}

function TerminalSession({ taskId, onRestart }: { taskId: TaskId; onRestart: () => void }) {
  const host = useRef<HTMLDivElement>(null);
  const [phase, setPhase] = useState<TerminalPhase>({ kind: 'connecting' });

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let stop: (() => void) | undefined;
    let isLeft = false;
    void openTerminal(element, taskId, setPhase).then((opened) => {
      if (isLeft) opened();
      else stop = opened;
    });
    return () => {
      isLeft = true;
      stop?.();
    };
  }, [taskId]);

  const isOver = phase.kind === 'ended' || phase.kind === 'lost';
  return (
    <div className="overflow-hidden rounded-lg border bg-terminal">
      <div className="p-2">
        <div ref={host} className="h-[min(32rem,60dvh)] overflow-hidden bg-terminal text-terminal-foreground" />
      </div>
      <footer className="flex min-h-9 items-center gap-3 border-t bg-surface px-3 py-1 text-muted-foreground text-xs">
        <span role="status" className="min-w-0 flex-1">
          {phaseText(phase)}
        </span>
        {isOver && (
          <Button size="sm" onClick={onRestart}>
            <RotateCw aria-hidden /> {phase.kind === 'lost' ? 'Reconnect' : 'New shell'}
          </Button>
        )}
      </footer>
    </div>
  );
}

function phaseText(phase: TerminalPhase): string {
  switch (phase.kind) {
    case 'connecting':
      return 'Connecting';
    case 'open':
      return 'Connected';
    case 'lost':
      return 'The connection was lost; what ran in this shell may have ended with it.';
    case 'ended':
      return phase.exitCode === null ? `The shell has ended: ${phase.reason}` : `The shell has ended with exit code ${phase.exitCode}`;
  }
}

/** xterm touches the document when loaded, so it is loaded here and not on the server. */
async function openTerminal(element: HTMLElement, taskId: TaskId, onPhase: (phase: TerminalPhase) => void): Promise<() => void> {
  const [{ Terminal }, { FitAddon }] = await Promise.all([import('@xterm/xterm'), import('@xterm/addon-fit')]);
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const terminal = new Terminal({
    fontFamily: colour('--font-geist-mono') || 'monospace',
    fontSize: 13,
    cursorBlink: true,
    scrollback: 5000,
    screenReaderMode: true,
    theme: { background: style.backgroundColor, foreground: style.color },
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(element);
  fit.fit();
  const connection = new TerminalConnection({
    taskId,
    size: { height: terminal.rows, width: terminal.cols },
    onOpen: () => {
      onPhase({ kind: 'open' });
      terminal.focus();
    },
    onOutput: (bytes) => terminal.write(bytes),
    onEnd: (end) => {
      terminal.options.disableStdin = true;
      onPhase(end);
    },
  });
  terminal.onData((text) => connection.write(text));
  terminal.onResize(({ rows, cols }) => connection.resize({ height: rows, width: cols }));
  // Hidden behind another tab it has no size, and keeps the one it had.
  const observer = new ResizeObserver(() => element.clientWidth > 0 && fit.fit());
  observer.observe(element);
  return () => {
    observer.disconnect();
    connection.close();
    terminal.dispose();
  };
}

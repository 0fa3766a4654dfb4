'use client';

import { cn } from '@gantry/ui/cn';
import { memo, type RefObject } from 'react';
import type { HeldLine } from './log-buffer.ts';
import { splitMatches } from './split-matches.ts';

interface LogLinesProps {
  lines: readonly HeldLine[];
  wanted: string;
  showsTimes: boolean;
  scroller: RefObject<HTMLDivElement | null>;
  onScroll: () => void;
}

export function LogLines({ lines, wanted, showsTimes, scroller, onScroll }: LogLinesProps) {
  return (
    <div
      ref={scroller}
      onScroll={onScroll}
      role="log"
      aria-label="Log"
      aria-live="off"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      className="h-[min(32rem,60dvh)] overflow-auto bg-terminal py-2 font-mono text-terminal-foreground text-xs leading-5 -outline-offset-2"
    >
      {lines.map((line) => (
        <LogRow key={line.sequence} line={line} wanted={wanted} showsTimes={showsTimes} />
      ))}
      {lines.length === 0 && <p className="px-3 text-terminal-muted">{wanted === '' ? 'Nothing has been written yet.' : 'No line matches.'}</p>}
    </div>
  );
}

/** Rows out of sight are not laid out (content-visibility), which is what makes thousands of them cheap. */
const LogRow = memo(function LogRow({ line, wanted, showsTimes }: { line: HeldLine; wanted: string; showsTimes: boolean }) {
  return (
    <div
      data-stream={line.stream}
      className={cn(
        'flex gap-3 border-transparent border-l-2 px-3 [contain-intrinsic-block-size:auto_1.25rem] [content-visibility:auto]',
        line.stream === 'stderr' && 'border-warn',
      )}
    >
      {showsTimes && (
        <time title={line.at} className="shrink-0 text-terminal-muted">
          {line.at.slice(11, 23)}
        </time>
      )}
      <span className="min-w-0 whitespace-pre-wrap break-all">
        {wanted === ''
          ? line.line
          : splitMatches(line.line, wanted).map((part) =>
              part.isMatch ? (
                <mark key={part.start} className="rounded-sm bg-warn-soft text-warn-soft-foreground">
                  {part.text}
                </mark>
              ) : (
                part.text
              ),
            )}
      </span>
    </div>
  );
});

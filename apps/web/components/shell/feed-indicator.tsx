'use client';

import { StatusDot, type Tone } from '@gantry/ui/badge';
import { Tooltip } from '@gantry/ui/tooltip';
import type { FeedState } from '../../lib/live/feed.ts';
import { useFeedState } from '../live-feed.tsx';

const looks: Record<FeedState, { tone: Tone; title: string; explanation: string }> = {
  connecting: { tone: 'busy', title: 'Connecting', explanation: 'Opening the feed of changes' },
  live: { tone: 'good', title: 'Live', explanation: 'Changes show up here as they happen' },
  lost: { tone: 'warn', title: 'Reconnecting', explanation: 'The feed of changes is interrupted; what you see may be some seconds old' },
};

export function FeedIndicator() {
  const look = looks[useFeedState()];
  return (
    <Tooltip content={look.explanation}>
      <button type="button" className="flex h-6 items-center gap-2 rounded-md px-1 text-muted-foreground text-xs">
        <StatusDot tone={look.tone} />
        <span role="status">{look.title}</span>
      </button>
    </Tooltip>
  );
}

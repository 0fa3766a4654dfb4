'use client';

import { useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react';
import { api } from '../lib/api/browser.ts';
import { type EventStream, type FeedState, LiveFeed } from '../lib/live/feed.ts';
import { CachePatcher } from '../lib/live/patch.ts';
import { RereadQueue } from '../lib/live/reread-queue.ts';
import { streamPaths } from '../lib/paths.ts';

const pollMs = 10_000;
const LiveContext = createContext<FeedState>('connecting');

export function useFeedState(): FeedState {
  return useContext(LiveContext);
}

export function LiveFeedProvider({ children }: { children: ReactNode }) {
  const queryClient = useQueryClient();
  const [state, setState] = useState<FeedState>('connecting');

  useEffect(() => {
    const reread = new RereadQueue(queryClient);
    const patcher = new CachePatcher(queryClient, api, reread);
    const feed = new LiveFeed({ open: () => openStream(streamPaths.live()), onEvent: (event) => patcher.apply(event), onState: setState });
    // A hidden tab needs no events, and browsers allow few connections to one origin; `ready` catches up on return.
    const follow = () => (document.hidden ? feed.close() : feed.open());
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      feed.close();
      reread.close();
    };
  }, [queryClient]);

  useEffect(() => {
    if (state !== 'lost') return;
    const timer = setInterval(() => void queryClient.invalidateQueries(), pollMs);
    return () => clearInterval(timer);
  }, [state, queryClient]);

  return <LiveContext value={state}>{children}</LiveContext>;
}

function openStream(path: string): EventStream {
  const source = new EventSource(path);
  const stream: EventStream = { onmessage: null, onerror: null, close: () => source.close() };
  source.onmessage = (message: MessageEvent<unknown>) => stream.onmessage?.(message);
  source.onerror = () => stream.onerror?.();
  return stream;
}

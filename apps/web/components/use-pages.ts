'use client';

import { useState } from 'react';

export interface Pages {
  cursor: string | undefined;
  /** From 1. */
  number: number;
  goNext: (cursor: string) => void;
  goBack: () => void;
}

/** Cursors lead forward only, so the way back is kept. */
export function usePages(): Pages {
  const [cursors, setCursors] = useState<string[]>([]);
  return {
    cursor: cursors.at(-1),
    number: cursors.length + 1,
    goNext: (cursor) => setCursors((held) => [...held, cursor]),
    goBack: () => setCursors((held) => held.slice(0, -1)),
  };
}

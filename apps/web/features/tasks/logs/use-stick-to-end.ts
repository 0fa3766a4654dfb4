'use client';

import { useLayoutEffect, useRef, useState } from 'react';

const tolerancePx = 24;

/** Keeps a scrolled box at its end while content grows, until the reader scrolls up; coming back to the end takes hold again. */
export function useStickToEnd(content: unknown) {
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setIsAtEnd] = useState(true);

  // biome-ignore lint/correctness/useExhaustiveDependencies: it is the growth of the content that moves the end
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box && isAtEnd) box.scrollTop = box.scrollHeight;
  }, [content, isAtEnd]);

  return {
    scroller,
    isAtEnd,
    onScroll: () => {
      const box = scroller.current;
      if (box) setIsAtEnd(box.scrollHeight - box.scrollTop - box.clientHeight < tolerancePx);
    },
    goToEnd: () => setIsAtEnd(true),
  };
}

import { Button } from '@gantry/ui/button';
import { ChevronLeft, ChevronRight } from 'lucide-react';
import type { Pages } from './use-pages.ts';

export function Pager({ pages, nextCursor }: { pages: Pages; nextCursor: string | null }) {
  if (pages.number === 1 && nextCursor === null) return null;
  return (
    <nav aria-label="Pages" className="flex items-center justify-end gap-2 border-t px-4 py-2 text-muted-foreground text-xs">
      <span className="mr-auto">Page {pages.number}</span>
      <Button size="sm" disabled={pages.number === 1} onClick={pages.goBack}>
        <ChevronLeft aria-hidden /> Previous
      </Button>
      <Button size="sm" disabled={nextCursor === null} onClick={() => nextCursor && pages.goNext(nextCursor)}>
        Next <ChevronRight aria-hidden />
      </Button>
    </nav>
  );
}

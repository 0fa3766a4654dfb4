'use client';

import { Check, Copy } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Button } from './button.tsx';
import { copyText } from './copy-text.ts';

/** `label` says what is copied, for those who do not see the icon. */
export function CopyButton({ text, label, className }: { text: string; label: string; className?: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'failed'>();
  useEffect(() => {
    if (!outcome) return;
    const timer = setTimeout(() => setOutcome(undefined), 2000);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <Button
      variant="ghost"
      size="icon-sm"
      aria-label={`Copy ${label}`}
      title={outcome === 'failed' ? 'The browser refused to copy' : `Copy ${label}`}
      {...(className ? { className } : {})}
      onClick={async () => setOutcome((await copyText(text)) ? 'copied' : 'failed')}
    >
      {outcome === 'copied' ? <Check aria-hidden className="text-good" /> : <Copy aria-hidden />}
      <span role="status" className="sr-only">
        {outcome === 'copied' && 'Copied'}
        {outcome === 'failed' && 'Could not copy'}
      </span>
    </Button>
  );
}

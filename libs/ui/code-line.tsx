import { cn } from './cn.ts';
import { CopyButton } from './copy-button.tsx';

/** A command or a value to take away, with its copy button. */
export function CodeLine({ text, label, className }: { text: string; label: string; className?: string }) {
  return (
    <div className={cn('flex min-w-0 items-start gap-1 rounded-md border bg-muted/60 py-1 pr-1 pl-2.5', className)}>
      <code className="min-w-0 flex-1 whitespace-pre-wrap break-all py-0.5 font-mono text-xs leading-5">{text}</code>
      <CopyButton text={text} label={label} />
    </div>
  );
}

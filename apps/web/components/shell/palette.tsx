'use client';

import { cn } from '@gantry/ui/cn';
import { Dialog } from '@gantry/ui/dialog';
import { Input } from '@gantry/ui/field';
import { useQuery } from '@tanstack/react-query';
import { Search } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import { api } from '../../lib/api/browser.ts';
import { matchDestinations, toDestinations } from './destinations.ts';

const searched = 1000;

/** Ctrl K: go to any page, node, service or stack by typing part of its name. */
export function Palette() {
  const [isOpen, setIsOpen] = useState(false);
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setIsOpen(true);
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  return (
    <>
      <button
        type="button"
        onClick={() => setIsOpen(true)}
        className="flex h-8 w-full items-center gap-2 rounded-md border bg-muted/50 px-2 text-muted-foreground text-sm hover:text-foreground"
      >
        <Search aria-hidden className="size-3.5" />
        Go to
        <kbd className="ml-auto font-sans text-2xs">Ctrl K</kbd>
      </button>
      {isOpen && <PaletteDialog onClose={() => setIsOpen(false)} />}
    </>
  );
}

function PaletteDialog({ onClose }: { onClose: () => void }) {
  const router = useRouter();
  const listId = useId();
  const [text, setText] = useState('');
  const [selected, setSelected] = useState(0);
  const nodes = useQuery(api.nodes.list.queryOptions({ input: { limit: searched } }));
  const services = useQuery(api.services.list.queryOptions({ input: { limit: searched } }));
  const stacks = useQuery(api.stacks.list.queryOptions({ input: { limit: searched } }));
  const matches = matchDestinations(toDestinations(nodes.data?.items ?? [], services.data?.items ?? [], stacks.data?.items ?? []), text);
  const go = (href: string | undefined) => {
    if (!href) return;
    onClose();
    router.push(href);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setSelected(Math.min(selected + 1, matches.length - 1));
    else if (event.key === 'ArrowUp') setSelected(Math.max(selected - 1, 0));
    else if (event.key === 'Enter') go(matches[selected]?.href);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog isOpen onOpenChange={onClose} title="Go to">
      <Input
        role="combobox"
        aria-label="Part of a name"
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={matches[selected] && `${listId}-${selected}`}
        autoComplete="off"
        placeholder="A page, node, service or stack"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setSelected(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={listId} role="listbox" aria-label="Destinations" className="-mx-2 mt-3 h-72 overflow-y-auto">
        {matches.map((match, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are handled where the focus is, in the combobox
          <div
            key={match.href}
            id={`${listId}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === selected}
            onClick={() => go(match.href)}
            onPointerMove={() => setSelected(index)}
            className={cn('flex cursor-pointer items-center justify-between gap-4 rounded-md px-2 py-1.5 text-sm', index === selected && 'bg-muted')}
          >
            <span className="min-w-0 truncate">{match.title}</span>
            <span className="text-muted-foreground text-xs">{match.kind}</span>
          </div>
        ))}
        {matches.length === 0 && <p className="px-2 py-4 text-muted-foreground text-sm">Nothing has such a name.</p>}
      </div>
    </Dialog>
  );
}

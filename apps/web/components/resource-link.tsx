import { Tooltip } from '@gantry/ui/tooltip';
import Link from 'next/link';
import type { ReactNode } from 'react';
import type { Permission } from '../lib/permission.ts';

interface ResourceLinkProps {
  href: string;
  /** When it leads nowhere yet, it says why. */
  can?: Permission;
  children: ReactNode;
}

/** The name of a resource, leading to its page. A table has many: none is fetched before it is wanted. */
export function ResourceLink({ href, can, children }: ResourceLinkProps) {
  if (can && !can.isAllowed) {
    return (
      <Tooltip content={can.reason}>
        {/* biome-ignore lint/a11y/useSemanticElements: an <a> without href is not focusable, and this one has a reason to show on focus */}
        <span role="link" aria-disabled tabIndex={0} className="cursor-not-allowed font-medium opacity-50">
          {children}
        </span>
      </Tooltip>
    );
  }
  return (
    <Link href={href} prefetch={false} className="font-medium underline-offset-4 hover:underline">
      {children}
    </Link>
  );
}

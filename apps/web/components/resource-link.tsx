import Link from 'next/link';
import type { ReactNode } from 'react';

/** The name of a resource, leading to its page. */
export function ResourceLink({ href, children }: { href: string; children: ReactNode }) {
  return (
    <Link href={href} className="font-medium underline-offset-4 hover:underline">
      {children}
    </Link>
  );
}

import { buttonVariants } from '@gantry/ui/button';
import { Card } from '@gantry/ui/card';
import { Empty } from '@gantry/ui/empty';
import { SearchX } from 'lucide-react';
import Link from 'next/link';

/** The resource of this page does not exist, or does not any more. */
export function MissingPage({ title, back }: { title: string; back: { title: string; href: string } }) {
  return (
    <Card>
      <h1 className="sr-only">{title}</h1>
      <Empty
        icon={<SearchX aria-hidden />}
        title={title}
        action={
          <Link href={back.href} className={buttonVariants()}>
            {back.title}
          </Link>
        }
      >
        It may have been removed, or the address may be mistyped.
      </Empty>
    </Card>
  );
}

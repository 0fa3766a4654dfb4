import type { ServiceSpec } from '@gantry/contracts/http-api';
import { formatCount } from '../../../lib/format.ts';
import { listSpecChanges } from './spec-changes.ts';

const shownChanges = 6;

export function SpecChanges({ before, after }: { before: ServiceSpec; after: ServiceSpec }) {
  const changes = listSpecChanges(before, after);
  if (changes.length === 0) return <span className="text-muted-foreground">Nothing</span>;
  return (
    <ul className="flex flex-col gap-0.5 text-xs">
      {changes.slice(0, shownChanges).map((change) => (
        <li key={change.path} className="break-all">
          <span className="text-muted-foreground">{change.path}</span> <span className="line-through decoration-muted-foreground">{change.before}</span>
          <span className="sr-only"> is now </span>
          <span aria-hidden> → </span>
          <span className="font-medium">{change.after}</span>
        </li>
      ))}
      {changes.length > shownChanges && <li className="text-muted-foreground">and {formatCount(changes.length - shownChanges, 'more field')}</li>}
    </ul>
  );
}

import type { Room } from './room.ts';
import type { PendingGroup } from './world.ts';

const namesShown = 3;

/** `a, b and 7 more lack memory` would need grammar; this keeps each reason whole: `9 nodes (a, b, c, …): lacks memory`. */
export function explainRefusals(rooms: readonly Room[], group: PendingGroup): string {
  if (rooms.length === 0) return 'there are no nodes';
  const byReason = Map.groupBy(rooms, (room) => room.refusal(group) ?? 'fits');
  const sentences = [...byReason].map(([reason, refused]) => {
    const names = refused
      .map((room) => room.node.name)
      .sort()
      .slice(0, namesShown);
    const [only] = names;
    if (refused.length === 1) return `${only} ${reason}`;
    return `${refused.length} nodes (${names.join(', ')}${refused.length > namesShown ? ', …' : ''}): ${reason}`;
  });
  return `no node can take it: ${sentences.join('; ')}`;
}

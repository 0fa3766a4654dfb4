import type { Room } from './room.ts';
import type { PendingGroup } from './world.ts';

export type Rank = (a: Room, b: Room) => number;

/** A node where so many of a service's tasks failed lately takes more of them only when no other can. */
const failuresToDamp = 5;

export function isDamped(room: Room, { serviceId }: PendingGroup): boolean {
  return (room.node.failuresByService.get(serviceId) ?? 0) >= failuresToDamp;
}

/** First those that have it. */
function byPresence(set: 'volumesOf' | 'imagesOf', { serviceId }: PendingGroup): Rank {
  return (a, b) => Number(b.node[set].has(serviceId)) - Number(a.node[set].has(serviceId));
}

/** The first rank that tells two nodes apart; by id in the end, so that the outcome is always the same. */
function firstOf(...ranks: readonly Rank[]): Rank {
  return (a, b) => {
    for (const rank of ranks) {
      const order = rank(a, b);
      if (order !== 0) return order;
    }
    return a.node.nodeId < b.node.nodeId ? -1 : 1;
  };
}

/**
 * Best first. Spread: the fewest of the service's own tasks, its volumes, the fewest tasks, its image. Binpack: its volumes, the fullest
 * node, the most tasks, its image.
 */
export function rankOf(group: PendingGroup): Rank {
  const byVolumes = byPresence('volumesOf', group);
  const byImage = byPresence('imagesOf', group);
  if (group.strategy === 'binpack')
    return firstOf(
      byVolumes,
      (a, b) => b.fullness - a.fullness,
      (a, b) => b.tasks - a.tasks,
      byImage,
    );
  return firstOf(
    (a, b) => a.countOf(group.serviceId) - b.countOf(group.serviceId),
    byVolumes,
    (a, b) => a.tasks - b.tasks,
    byImage,
  );
}

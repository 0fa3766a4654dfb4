import type { NodeId } from '@gantry/contracts/ids';
import { planSchedule } from './schedule.ts';
import type { CandidateNode, PendingGroup } from './world.ts';

/**
 * The node that one task of a spread service should leave, because another that would take it has at least two fewer: so the service is more
 * even after each move, and comes to rest. Null when it is even, or packed on purpose. `group` has one task, that may go anywhere.
 */
export function planRebalance(group: PendingGroup, nodes: readonly CandidateNode[]): NodeId | null {
  if (group.strategy === 'binpack') return null;
  const [placement] = planSchedule([group], nodes).placements;
  const best = nodes.find((node) => node.nodeId === placement?.nodeId);
  if (best === undefined) return null;
  const countOf = (node: CandidateNode) => node.tasksByService.get(group.serviceId) ?? 0;
  const isAlike = (node: CandidateNode) => group.spreadOver.every((label) => node.labels[label] === best.labels[label]);
  const zoneOf = (node: CandidateNode) => node.labels[group.spreadOver[0] ?? ''] ?? '';
  const countOfZone = (zone: string) => nodes.reduce((sum, node) => sum + (zoneOf(node) === zone ? countOf(node) : 0), 0);
  const crowded = nodes.filter((node) =>
    isAlike(node) ? countOf(node) - countOf(best) >= 2 : countOf(node) > 0 && countOfZone(zoneOf(node)) - countOfZone(zoneOf(best)) >= 2,
  );
  const worst = crowded.toSorted((a, b) => countOf(b) - countOf(a) || b.tasks - a.tasks || (a.nodeId < b.nodeId ? -1 : 1))[0];
  return worst?.nodeId ?? null;
}

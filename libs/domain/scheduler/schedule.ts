import type { NodeId, TaskId } from '@gantry/contracts/ids';
import { explainRefusals } from './explain.ts';
import { Room } from './room.ts';
import { RoomHeap } from './room-heap.ts';
import type { CandidateNode, PendingGroup, Placement, SchedulePlan, Unplaced } from './world.ts';

/** Spread: the fewest of the service's own tasks, then the fewest tasks, then by name so that the outcome is always the same. */
function bySpread(group: PendingGroup): (a: Room, b: Room) => number {
  return (a, b) => a.countOf(group.serviceId) - b.countOf(group.serviceId) || a.tasks - b.tasks || (a.node.nodeId < b.node.nodeId ? -1 : 1);
}

function placeAnywhere(group: PendingGroup, taskIds: readonly TaskId[], rooms: readonly Room[], placements: Placement[]): TaskId[] {
  const heap = new RoomHeap(
    rooms.filter((room) => room.refusal(group) === null),
    bySpread(group),
  );
  const unplaced: TaskId[] = [];
  for (const taskId of taskIds) {
    while (heap.first !== undefined && heap.first.refusal(group) !== null) heap.dropFirst();
    const room = heap.first;
    if (room === undefined) {
      unplaced.push(taskId);
      continue;
    }
    room.take(group);
    placements.push({ taskId, nodeId: room.node.nodeId });
    heap.sinkFirst();
  }
  return unplaced;
}

function placeOn(group: PendingGroup, taskId: TaskId, nodeId: NodeId, rooms: ReadonlyMap<NodeId, Room>, placements: Placement[]): Unplaced | null {
  const room = rooms.get(nodeId);
  if (room === undefined) return { taskIds: [taskId], reason: 'its node is gone' };
  const refusal = room.refusal(group);
  if (refusal !== null) return { taskIds: [taskId], reason: `${room.node.name} ${refusal}` };
  room.take(group);
  placements.push({ taskId, nodeId });
  return null;
}

/** Places what can be placed, says why the rest can not. Groups are served in the order given. */
export function planSchedule(groups: readonly PendingGroup[], nodes: readonly CandidateNode[]): SchedulePlan {
  const rooms = new Map(nodes.map((node) => [node.nodeId, new Room(node)]));
  const all = [...rooms.values()];
  const placements: Placement[] = [];
  const unplaced: Unplaced[] = [];
  for (const group of groups) {
    const anywhere: TaskId[] = [];
    for (const { taskId, onlyNodeId } of group.tasks) {
      if (onlyNodeId === null) {
        anywhere.push(taskId);
        continue;
      }
      const left = placeOn(group, taskId, onlyNodeId, rooms, placements);
      if (left !== null) unplaced.push(left);
    }
    const taskIds = placeAnywhere(group, anywhere, all, placements);
    if (taskIds.length > 0) unplaced.push({ taskIds, reason: explainRefusals(all, group) });
  }
  return { placements, unplaced };
}

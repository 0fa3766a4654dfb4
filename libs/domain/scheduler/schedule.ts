import type { NodeId, TaskId } from '@gantry/contracts/ids';
import { explainRefusals } from './explain.ts';
import { PreferenceTree } from './preference-tree.ts';
import { isDamped } from './rank.ts';
import { Room } from './room.ts';
import type { CandidateNode, PendingGroup, Placement, SchedulePlan, Unplaced } from './world.ts';

function placeAnywhere(group: PendingGroup, taskIds: readonly TaskId[], rooms: readonly Room[], placements: Placement[]): TaskId[] {
  const [sound, damped] = [rooms.filter((room) => !isDamped(room, group)), rooms.filter((room) => isDamped(room, group))];
  const unplaced = [...taskIds];
  for (const tier of [sound, damped]) {
    if (unplaced.length === 0) break;
    const tree = new PreferenceTree(group, tier);
    for (let room = tree.take(); room !== null; room = tree.take()) {
      const taskId = unplaced.shift();
      if (taskId === undefined) throw new Error('a room was taken for no task');
      placements.push({ taskId, nodeId: room.node.nodeId });
      if (unplaced.length === 0) break;
    }
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

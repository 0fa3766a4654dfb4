import { rankOf } from './rank.ts';
import type { Room } from './room.ts';
import { RoomHeap } from './room-heap.ts';
import type { PendingGroup } from './world.ts';

/** The rooms of a group by the values of its first label, within a value by those of the second, and so on; without labels one heap. */
export class PreferenceTree {
  readonly #group: PendingGroup;
  /** Branches with no room left are dropped; a leaf has a heap in their place. */
  readonly #branches: PreferenceTree[];
  readonly #heap: RoomHeap;
  /** Of the service, those placed elsewhere before included. */
  #count: number;

  constructor(group: PendingGroup, rooms: readonly Room[], spreadOver: readonly string[] = group.spreadOver) {
    const [label, ...others] = spreadOver;
    this.#group = group;
    this.#count = rooms.reduce((sum, room) => sum + room.countOf(group.serviceId), 0);
    const open = rooms.filter((room) => room.refusal(group) === null);
    this.#heap = new RoomHeap(label === undefined ? open : [], rankOf(group));
    // a node without the label is one of the value ''
    const byValue = label === undefined ? new Map<string, Room[]>() : Map.groupBy(rooms, (room) => room.node.labels[label] ?? '');
    this.#branches = [...byValue].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, within]) => new PreferenceTree(group, within, others));
  }

  /** Gives the best room's place to one task; null when there is no room. */
  take(): Room | null {
    return this.#branches.length > 0 ? this.#takeFromBranches() : this.#takeFromHeap();
  }

  #takeFromBranches(): Room | null {
    while (this.#branches.length > 0) {
      const least = this.#branches.reduce((best, branch) => (branch.#count < best.#count ? branch : best));
      const room = least.take();
      if (room !== null) {
        this.#count += 1;
        return room;
      }
      this.#branches.splice(this.#branches.indexOf(least), 1);
    }
    return null;
  }

  #takeFromHeap(): Room | null {
    while (this.#heap.first !== undefined && this.#heap.first.refusal(this.#group) !== null) this.#heap.dropFirst();
    const room = this.#heap.first ?? null;
    if (room === null) return null;
    room.take(this.#group);
    this.#count += 1;
    this.#heap.sinkFirst();
    return room;
  }
}

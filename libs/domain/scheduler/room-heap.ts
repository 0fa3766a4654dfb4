import type { Room } from './room.ts';

/** A binary heap of rooms, best first; `compare` may change its mind only about the first one, which is then sunk. */
export class RoomHeap {
  readonly #rooms: Room[];
  readonly #compare: (a: Room, b: Room) => number;

  constructor(rooms: readonly Room[], compare: (a: Room, b: Room) => number) {
    this.#rooms = [...rooms].sort(compare);
    this.#compare = compare;
  }

  get first(): Room | undefined {
    return this.#rooms[0];
  }

  dropFirst(): void {
    const last = this.#rooms.pop();
    if (last === undefined || this.#rooms.length === 0) return;
    this.#rooms[0] = last;
    this.sinkFirst();
  }

  sinkFirst(): void {
    let index = 0;
    for (;;) {
      let least = index;
      for (const child of [2 * index + 1, 2 * index + 2]) if (this.#isBefore(child, least)) least = child;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const left = this.#rooms[a];
    const right = this.#rooms[b];
    return left !== undefined && right !== undefined && this.#compare(left, right) < 0;
  }

  #swap(a: number, b: number): void {
    const left = this.#rooms[a];
    const right = this.#rooms[b];
    if (left === undefined || right === undefined) return;
    this.#rooms[a] = right;
    this.#rooms[b] = left;
  }
}

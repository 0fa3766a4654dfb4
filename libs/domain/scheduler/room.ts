import type { ServiceId } from '@gantry/contracts/ids';
import { satisfies } from '../node/index.ts';
import type { CandidateNode, PendingGroup } from './world.ts';

/** A node while tasks are being placed: what it has, less what this plan has given away. */
export class Room {
  readonly node: CandidateNode;
  readonly #tasksByService: Map<ServiceId, number>;
  readonly #hostPorts: Set<string>;
  readonly #generic: Map<string, number>;
  #nanoCpus: number;
  #memoryBytes: number;
  #tasks: number;

  constructor(node: CandidateNode) {
    this.node = node;
    this.#nanoCpus = node.capacity.nanoCpus - node.reserved.nanoCpus;
    this.#memoryBytes = node.capacity.memoryBytes - node.reserved.memoryBytes;
    this.#tasks = node.tasks;
    this.#tasksByService = new Map(node.tasksByService);
    this.#hostPorts = new Set(node.hostPorts);
    const { capacity, reserved } = node.genericResources;
    this.#generic = new Map(Object.entries(capacity).map(([name, units]) => [name, units - (reserved[name] ?? 0)]));
  }

  get tasks(): number {
    return this.#tasks;
  }

  /** How full the node is, 0 to 1: of cpu or memory, whichever is scarcer. */
  get fullness(): number {
    const { nanoCpus, memoryBytes } = this.node.capacity;
    const used = (free: number, capacity: number) => (capacity > 0 ? (capacity - free) / capacity : 0);
    return Math.max(used(this.#nanoCpus, nanoCpus), used(this.#memoryBytes, memoryBytes));
  }

  countOf(serviceId: ServiceId): number {
    return this.#tasksByService.get(serviceId) ?? 0;
  }

  /** Why a task of the group can not come here; null when it can. */
  refusal(group: PendingGroup): string | null {
    if (this.node.state !== 'ready') return this.node.state === 'down' ? 'is down' : 'has not connected yet';
    if (this.node.availability !== 'active') return this.node.availability === 'drain' ? 'is drained' : 'is paused';
    const unmet = group.constraints.find((constraint) => !satisfies(this.node, constraint));
    if (unmet !== undefined) return `does not satisfy ${unmet.key} ${unmet.operator} ${unmet.value}`;
    if (group.nanoCpus > this.#nanoCpus) return 'lacks cpu';
    if (group.memoryBytes > this.#memoryBytes) return 'lacks memory';
    const short = Object.entries(group.genericResources).find(([name, units]) => units > (this.#generic.get(name) ?? 0));
    if (short !== undefined) return `lacks ${short[0]}`;
    if (group.maxPerNode !== null && this.countOf(group.serviceId) >= group.maxPerNode) return `has ${group.maxPerNode} of the service's tasks already`;
    const port = group.hostPorts.find((wanted) => this.#hostPorts.has(wanted));
    return port === undefined ? null : `has port ${port} in use`;
  }

  take(group: PendingGroup): void {
    this.#nanoCpus -= group.nanoCpus;
    this.#memoryBytes -= group.memoryBytes;
    for (const [name, units] of Object.entries(group.genericResources)) this.#generic.set(name, (this.#generic.get(name) ?? 0) - units);
    this.#tasks += 1;
    this.#tasksByService.set(group.serviceId, this.countOf(group.serviceId) + 1);
    for (const port of group.hostPorts) this.#hostPorts.add(port);
  }
}

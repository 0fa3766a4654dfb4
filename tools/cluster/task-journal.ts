import type { TaskStatusReport } from '@gantry/contracts/agent-link';
import type { Service, Task } from '@gantry/contracts/http-api';

interface Entry {
  readonly node: string;
  readonly state: TaskStatusReport['state'];
}

const lives = (state: TaskStatusReport['state']) => ['preparing', 'starting', 'running'].includes(state);
const ranks = ['pending', 'assigned', 'preparing', 'starting', 'running', 'complete', 'failed', 'rejected', 'shutdown', 'orphaned'];

/**
 * What the nodes themselves did, in the order they did it, written down beside the control plane and knowing nothing of it; and what must be
 * true of it, and of what the control plane says, once things have calmed down.
 */
export class TaskJournal {
  readonly #entries = new Map<string, Entry[]>();
  /** Slots of services whose tasks must never run twice at once: service id/slot → the tasks that live there. */
  readonly #alone = new Map<string, Set<string>>();
  readonly #faults: string[] = [];

  /** `place` names the slot of a service that keeps its tasks through a partition; null when two may overlap for a while. */
  note(node: string, status: TaskStatusReport, place: string | null): void {
    const entries = this.#entries.get(status.taskId) ?? [];
    const before = entries.at(-1);
    if (before !== undefined && before.node !== node) this.#faults.push(`task ${status.taskId} is on ${node}, and was on ${before.node}`);
    if (before !== undefined && ranks.indexOf(status.state) <= ranks.indexOf(before.state))
      this.#faults.push(`task ${status.taskId} went from ${before.state} to ${status.state}`);
    this.#entries.set(status.taskId, [...entries, { node, state: status.state }]);
    if (place !== null) this.#watchAlone(status, place);
  }

  /** Throws unless every promise holds now; ask again while things may still be calming down. */
  check(observed: { services: readonly { service: Service; wanted: number }[]; tasks: readonly Task[] }): true {
    if (this.#faults.length > 0) throw new Error(`the nodes did what they must not:\n${this.#faults.join('\n')}`);
    const said = observed.tasks.filter((task) => task.desiredState === 'running' && task.status.state === 'running');
    for (const { service, wanted } of observed.services) {
      const slots = said.filter((task) => task.serviceId === service.id).map((task) => task.slot);
      if (slots.length !== wanted || new Set(slots).size !== wanted)
        throw new Error(`${service.spec.name} has ${slots.length} tasks in ${new Set(slots).size} slots, not ${wanted}`);
    }
    const running = [...this.#entries].filter(([, entries]) => lives(entries.at(-1)?.state ?? 'pending')).map(([taskId]) => taskId);
    const orphans = running.filter((taskId) => !said.some((task) => task.id === taskId));
    if (orphans.length > 0) throw new Error(`nobody wants what nodes run: ${orphans.join(', ')}`);
    const missing = said.filter((task) => !running.includes(task.id));
    if (missing.length > 0) throw new Error(`no node runs ${missing.map((task) => `${task.id} of ${task.nodeName}`).join(', ')}`);
    return true;
  }

  #watchAlone({ taskId, state }: TaskStatusReport, place: string): void {
    const living = this.#alone.get(place) ?? new Set();
    this.#alone.set(place, living);
    if (lives(state)) living.add(taskId);
    else living.delete(taskId);
    if (living.size > 1) this.#faults.push(`${place} was served by ${[...living].join(' and ')} at once`);
  }
}

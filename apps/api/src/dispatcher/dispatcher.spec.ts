import { type AssignedTask, type Assignments, receiveLinkFrame, ToAgentMessage } from '@gantry/contracts/agent-link';
import { TaskSpec } from '@gantry/contracts/http-api';
import { NodeId, ServiceId, SessionId, TaskId } from '@gantry/contracts/ids';
import { applyAssignments, type HeldAssignments } from '@gantry/domain/container';
import { afterEach, expect, test } from 'vitest';
import { readConfig } from '../config.ts';
import { createLogger } from '../logger.ts';
import { Signals } from '../persistence/signals.ts';
import { AgentSession } from './agent-session.ts';
import type { NodeAssignment } from './assignment.repository.ts';
import { Dispatcher } from './dispatcher.ts';

const config = readConfig({ DATABASE_URL: 'postgresql://127.0.0.1:1/none' });
const logger = createLogger('silent');
const serviceId = ServiceId.parse('s'.padEnd(25, '0'));
const toId = (prefix: string, number: number) => `${prefix}${String(number).padStart(24, '0')}`;
const nodeOf = (number: number) => NodeId.parse(toId('n', number));
const taskOf = (number: number) => TaskId.parse(toId('t', number));

const running: Dispatcher[] = [];
afterEach(async () => {
  for (const dispatcher of running.splice(0)) await dispatcher.beforeApplicationShutdown();
});

/** The database of these tests: which node has which tasks, read when `gate` lets the reader go on. */
class Assigned {
  readonly tasks = new Map<NodeId, number[]>();
  readonly unreadable = new Set<number>();
  gate: (what: 'read' | 'spelled-out') => Promise<void> = async () => undefined;

  async findOfNodes(nodeIds: readonly string[]): Promise<NodeAssignment[]> {
    const found = nodeIds.flatMap((id) => {
      const nodeId = NodeId.parse(id);
      return (this.tasks.get(nodeId) ?? []).map((number) => ({
        taskId: taskOf(number),
        nodeId,
        fingerprint: 'running/web',
        row: {
          id: taskOf(number),
          node_id: nodeId,
          service_id: serviceId,
          revision: 1,
          slot: number,
          desired_state: 'running' as const,
          service_name: 'web',
          stack_name: null,
          is_global: false,
        },
      }));
    });
    await this.gate('read');
    return found;
  }

  async toAssignedTasks(assignments: readonly NodeAssignment[]): Promise<AssignedTask[]> {
    await this.gate('spelled-out');
    if (assignments.some(({ row }) => this.unreadable.has(row.slot))) throw new Error('a spec that can not be read');
    return assignments.map(({ taskId, row }) => ({
      taskId,
      serviceId,
      serviceName: 'web',
      stackName: null,
      name: `web.${row.slot}.${taskId}`,
      slot: row.slot,
      desiredState: row.desired_state,
      spec: TaskSpec.parse({ image: 'busybox' }),
      ports: [],
      payloads: [],
    }));
  }
}

/** An agent's end: what it holds after everything it was sent, and what it had to let go on the way. */
class Agent {
  readonly nodeId: NodeId;
  held: HeldAssignments | null = null;
  readonly letGo: TaskId[] = [];
  readonly session: AgentSession;

  constructor(number: number, generation = 1) {
    this.nodeId = nodeOf(number);
    const socket = { readyState: 1 as const, OPEN: 1 as const, bufferedAmount: 0, close: () => undefined, terminate: () => undefined, send: this.#receive };
    this.session = new AgentSession({ nodeId: this.nodeId, sessionId: SessionId.parse(toId('x', generation)), generation, socket, now: Date.now() });
  }

  get holds(): number[] {
    return [...(this.held?.tasks.values() ?? [])].map(({ slot }) => slot).sort();
  }

  readonly #receive = (frame: Buffer): void => {
    const received = receiveLinkFrame(frame, ToAgentMessage);
    if (received.kind === 'message' && received.message.type === 'assignments.sync') this.#apply(received.message.assignments);
  };

  #apply(assignments: Assignments): void {
    const applied = applyAssignments(this.held, assignments);
    if (applied.outcome !== 'applied') throw new Error(`assignments are ${applied.outcome}`);
    this.held = applied.held;
    this.letGo.push(...applied.removed);
  }
}

function start(assigned: Assigned): { dispatcher: Dispatcher; signals: Signals } {
  const signals = new Signals(config, logger);
  const nodes = { touch: async () => undefined, countNodes: async () => 1, updateFacts: async () => undefined, findGenerations: async () => new Map() };
  const statuses = { add: () => undefined, onOverflow: () => undefined };
  const dispatcher = new Dispatcher(config, logger, signals, nodes, assigned, { findFor: async () => [] }, statuses);
  dispatcher.onApplicationBootstrap();
  running.push(dispatcher);
  return { dispatcher, signals };
}

test('an agent that asks for everything while a change is on its way to it gets everything, and lets nothing go', async () => {
  const assigned = new Assigned();
  const agent = new Agent(1);
  assigned.tasks.set(agent.nodeId, [1, 2]);
  const { dispatcher, signals } = start(assigned);
  dispatcher.begin(agent.session);
  await expect.poll(() => agent.holds).toEqual([1, 2]);
  assigned.tasks.set(agent.nodeId, [1, 2, 3]);
  assigned.gate = async (what) => {
    if (what === 'read') return;
    assigned.gate = async () => undefined;
    dispatcher.receive(agent.session, { type: 'assignments.resync', holds: null });
  };
  signals.emit('signal', { subject: 'assignments', ids: [agent.nodeId] });
  await expect.poll(() => agent.holds).toEqual([1, 2, 3]);
  expect(agent.letGo).toEqual([]);
});

test('what was read before a session began does not reach it', async () => {
  const assigned = new Assigned();
  const before = new Agent(1, 1);
  const after = new Agent(1, 2);
  const { dispatcher } = start(assigned);
  assigned.tasks.set(before.nodeId, []);
  assigned.gate = async () => {
    assigned.gate = async () => undefined;
    assigned.tasks.set(after.nodeId, [1]);
    // it has the task from another replica
    after.held = {
      generation: 1,
      version: 'other.1',
      tasks: new Map((await assigned.toAssignedTasks(await assigned.findOfNodes([after.nodeId]))).map((task) => [task.taskId, task])),
    };
    dispatcher.begin(after.session);
  };
  dispatcher.begin(before.session);
  await expect.poll(() => after.held?.version).toBe(`${after.session.sessionId}.1`);
  expect([after.holds, after.letGo]).toEqual([[1], []]);
});

test('a node whose work can not be spelled out keeps none of the others from theirs', async () => {
  const assigned = new Assigned();
  const agents = [1, 2, 3].map((number) => new Agent(number));
  for (const [index, agent] of agents.entries()) assigned.tasks.set(agent.nodeId, [index + 1]);
  assigned.unreadable.add(1);
  const { dispatcher } = start(assigned);
  for (const agent of agents) dispatcher.begin(agent.session);
  await expect.poll(() => agents.map((agent) => agent.holds)).toEqual([[], [2], [3]]);
  assigned.unreadable.clear();
  await expect.poll(() => agents[0]?.holds, { timeout: 5_000 }).toEqual([1]);
});

test('the nodes that were heard lately are known before their signs of life are written down', () => {
  const { dispatcher } = start(new Assigned());
  const [silent, heard] = [new Agent(1), new Agent(2)];
  dispatcher.begin(silent.session);
  dispatcher.begin(heard.session);
  silent.session.lastHeardAt = 1_000;
  expect(dispatcher.findHeardSince(2_000)).toEqual([heard.nodeId]);
});

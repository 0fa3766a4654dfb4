import { NodeId, ServiceId, TaskId } from '@gantry/contracts/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseConstraint } from '../node/index.ts';
import { planRebalance } from './rebalance.ts';
import { planSchedule } from './schedule.ts';
import type { CandidateNode, PendingGroup } from './world.ts';

function idOf(letter: string, number: number): string {
  return `${letter}${String(number).padStart(24, '0')}`;
}

const service = ServiceId.parse(idOf('s', 1));

function buildNode(number: number, change: Partial<CandidateNode> = {}): CandidateNode {
  return {
    nodeId: NodeId.parse(idOf('n', number)),
    name: `node-${number}`,
    hostname: `host-${number}`,
    operatingSystem: 'linux',
    architecture: 'x86_64',
    addresses: [`192.0.2.${number}`],
    labels: {},
    state: 'ready',
    availability: 'active',
    capacity: { nanoCpus: 4e9, memoryBytes: 1_000 },
    reserved: { nanoCpus: 0, memoryBytes: 0 },
    tasks: 0,
    tasksByService: new Map(),
    hostPorts: new Set(),
    genericResources: { capacity: {}, reserved: {} },
    failuresByService: new Map(),
    volumesOf: new Set(),
    imagesOf: new Set(),
    ...change,
  };
}

function buildGroup(tasks: number, change: Partial<PendingGroup> = {}): PendingGroup {
  return {
    serviceId: service,
    constraints: [],
    nanoCpus: 0,
    memoryBytes: 0,
    maxPerNode: null,
    hostPorts: [],
    genericResources: {},
    spreadOver: [],
    strategy: 'spread',
    tasks: Array.from({ length: tasks }, (_, index) => ({ taskId: TaskId.parse(idOf('t', index)), onlyNodeId: null })),
    ...change,
  };
}

function constraint(text: string) {
  const parsed = parseConstraint(text);
  if (typeof parsed === 'string') throw new Error(parsed);
  return parsed;
}

function countByNode(group: PendingGroup, nodes: CandidateNode[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { nodeId } of planSchedule([group], nodes).placements) {
    const name = nodes.find((node) => node.nodeId === nodeId)?.name ?? '?';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

test('tasks spread evenly, counting what is there already', () => {
  const busy = buildNode(1, { tasks: 5, tasksByService: new Map([[service, 2]]) });
  expect(countByNode(buildGroup(4), [busy, buildNode(2), buildNode(3)])).toEqual({ 'node-2': 2, 'node-3': 2 });
  expect(countByNode(buildGroup(1), [buildNode(1, { tasks: 9 }), buildNode(2, { tasks: 8 })])).toEqual({ 'node-2': 1 });
});

test('only ready and active nodes that satisfy every constraint take part', () => {
  const nodes = [
    buildNode(1, { state: 'down' }),
    buildNode(2, { availability: 'pause' }),
    buildNode(3, { labels: { zone: 'b' } }),
    buildNode(4, { labels: { zone: 'A' } }),
    buildNode(5, { labels: { zone: 'a' }, hostname: 'banned' }),
  ];
  const constraints = [constraint('node.labels.zone == a'), constraint('node.hostname!=banned')];
  expect(countByNode(buildGroup(2, { constraints }), nodes)).toEqual({ 'node-4': 2 });
});

test('reservations, host ports and the limit per node are never exceeded', () => {
  expect(countByNode(buildGroup(5, { memoryBytes: 400 }), [buildNode(1), buildNode(2)])).toEqual({ 'node-1': 2, 'node-2': 2 });
  expect(countByNode(buildGroup(5, { hostPorts: ['80/tcp'] }), [buildNode(1), buildNode(2, { hostPorts: new Set(['80/tcp']) })])).toEqual({ 'node-1': 1 });
  expect(countByNode(buildGroup(5, { maxPerNode: 2 }), [buildNode(1)])).toEqual({ 'node-1': 2 });
});

test('preferences spread over the values of a label first, then over those of the next, then over nodes', () => {
  const at = (number: number, zone: string, rack: string) => buildNode(number, { labels: { zone, rack } });
  const nodes = [at(1, 'a', 'x'), at(2, 'a', 'x'), at(3, 'a', 'y'), at(4, 'b', 'x')];
  expect(countByNode(buildGroup(8, { spreadOver: ['zone', 'rack'] }), nodes)).toEqual({ 'node-1': 1, 'node-2': 1, 'node-3': 2, 'node-4': 4 });
  const uneven = [
    buildNode(1, { labels: { zone: 'a' }, tasks: 2, tasksByService: new Map([[service, 2]]) }),
    buildNode(2, { labels: { zone: 'b' } }),
    buildNode(3),
  ];
  expect(countByNode(buildGroup(4, { spreadOver: ['zone'] }), uneven)).toEqual({ 'node-2': 2, 'node-3': 2 });
});

test('a value with no room left leaves its share to the others', () => {
  const nodes = [buildNode(1, { labels: { zone: 'a' } }), buildNode(2, { labels: { zone: 'b' } })];
  expect(countByNode(buildGroup(5, { spreadOver: ['zone'], memoryBytes: 300 }), [buildNode(0, { labels: { zone: 'a' }, state: 'down' }), ...nodes])).toEqual({
    'node-1': 3,
    'node-2': 2,
  });
  const full = buildNode(3, { labels: { zone: 'c' }, availability: 'drain' });
  expect(countByNode(buildGroup(4, { spreadOver: ['zone'] }), [...nodes, full])).toEqual({ 'node-1': 2, 'node-2': 2 });
});

test('binpack fills the fullest node first and goes on when it is full', () => {
  const half = buildNode(2, { reserved: { nanoCpus: 0, memoryBytes: 500 }, tasks: 1 });
  expect(countByNode(buildGroup(4, { strategy: 'binpack', memoryBytes: 200 }), [buildNode(1), half, buildNode(3)])).toEqual({ 'node-1': 2, 'node-2': 2 });
  expect(countByNode(buildGroup(2, { strategy: 'binpack' }), [buildNode(1), buildNode(2, { tasks: 3 })])).toEqual({ 'node-2': 2 });
});

test('units of generic resources are counted, and their lack is said', () => {
  const gpus = (number: number, capacity: number, reserved: number) =>
    buildNode(number, { genericResources: { capacity: { gpu: capacity }, reserved: { gpu: reserved } } });
  const group = buildGroup(4, { genericResources: { gpu: 2 } });
  const nodes = [gpus(1, 4, 1), gpus(2, 4, 0), buildNode(3)];
  expect(countByNode(group, nodes)).toEqual({ 'node-1': 1, 'node-2': 2 });
  expect(planSchedule([group], nodes).unplaced[0]?.reason).toBe('no node can take it: 3 nodes (node-1, node-2, node-3): lacks gpu');
});

test('a service goes back to its volumes, and to its image when nothing else tells nodes apart', () => {
  const volumes = buildNode(2, { volumesOf: new Set([service]), tasks: 5 });
  const image = buildNode(3, { imagesOf: new Set([service]) });
  expect(countByNode(buildGroup(1), [buildNode(1), volumes, image])).toEqual({ 'node-2': 1 });
  expect(countByNode(buildGroup(1), [buildNode(1), image])).toEqual({ 'node-3': 1 });
  expect(countByNode(buildGroup(1), [buildNode(1), { ...image, tasks: 1 }])).toEqual({ 'node-1': 1 });
});

test('a node where the service keeps failing takes more of it only when no other can', () => {
  const failing = buildNode(1, { failuresByService: new Map([[service, 5]]) });
  expect(countByNode(buildGroup(3), [failing, buildNode(2, { tasks: 9 })])).toEqual({ 'node-2': 3 });
  expect(countByNode(buildGroup(3, { maxPerNode: 2 }), [failing, buildNode(2)])).toEqual({ 'node-1': 1, 'node-2': 2 });
  expect(countByNode(buildGroup(1), [buildNode(1, { failuresByService: new Map([[service, 4]]) }), buildNode(2, { tasks: 9 })])).toEqual({ 'node-1': 1 });
});

test('why a task waits is said node by node', () => {
  const nodes = [buildNode(1, { state: 'down' }), buildNode(2), buildNode(3), buildNode(4), buildNode(5)];
  const [unplaced] = planSchedule([buildGroup(1, { memoryBytes: 5_000 })], nodes).unplaced;
  expect(unplaced?.reason).toBe('no node can take it: node-1 is down; 4 nodes (node-2, node-3, node-4, …): lacks memory');
  expect(planSchedule([buildGroup(1)], []).unplaced[0]?.reason).toBe('there are no nodes');
});

test('a task that belongs to one node goes there or nowhere', () => {
  const [here, there] = [buildNode(1), buildNode(2, { availability: 'drain' })];
  const tasks = [here, there].map((node, index) => ({ taskId: TaskId.parse(idOf('t', index)), onlyNodeId: node.nodeId }));
  const plan = planSchedule([buildGroup(0, { tasks })], [here, there]);
  expect(plan.placements.map((placement) => placement.nodeId)).toEqual([here.nodeId]);
  expect(plan.unplaced).toEqual([{ taskIds: [tasks[1]?.taskId], reason: 'node-2 is drained' }]);
});

test('a node that has two tasks more than another would have gives one away, until all are even', () => {
  const having = (number: number, count: number, change: Partial<CandidateNode> = {}) =>
    buildNode(number, { tasks: count, tasksByService: new Map([[service, count]]), ...change });
  const crowded = having(1, 4);
  expect(planRebalance(buildGroup(1), [crowded, having(2, 3), having(3, 0)])).toBe(crowded.nodeId);
  expect(planRebalance(buildGroup(1), [having(1, 2), having(2, 1)])).toBeNull();
  expect(planRebalance(buildGroup(1), [crowded, buildNode(2, { availability: 'drain' })])).toBeNull();
  expect(planRebalance(buildGroup(1, { strategy: 'binpack' }), [crowded, buildNode(2)])).toBeNull();
});

test('zones are made even before nodes are', () => {
  const at = (number: number, zone: string, count: number) =>
    buildNode(number, { labels: { zone }, tasks: count, tasksByService: new Map([[service, count]]) });
  const group = buildGroup(1, { spreadOver: ['zone'] });
  const full = at(1, 'a', 2);
  expect(planRebalance(group, [full, at(2, 'a', 1), at(3, 'b', 1)])).toBe(full.nodeId);
  expect(planRebalance(group, [at(1, 'a', 1), at(2, 'a', 1), at(3, 'b', 2)])).toBeNull();
});

test('whatever the nodes have, moving what is to be moved makes the service even in the end, and then nothing moves', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(8), { minLength: 1, maxLength: 6 }), (counts) => {
      const now = [...counts];
      const nodes = () => now.map((count, index) => buildNode(index, { tasks: count, tasksByService: new Map([[service, count]]) }));
      for (let moves = 0; moves <= 64; moves += 1) {
        const from = planRebalance(buildGroup(1), nodes());
        if (from === null) break;
        const index = nodes().findIndex((node) => node.nodeId === from);
        const to = nodes().findIndex((node) => node.nodeId === planSchedule([buildGroup(1)], nodes()).placements[0]?.nodeId);
        now[index] = (now[index] ?? 0) - 1;
        now[to] = (now[to] ?? 0) + 1;
      }
      expect(Math.max(...now) - Math.min(...now)).toBeLessThanOrEqual(1);
    }),
    { numRuns: 1_000 },
  );
});

const nodesOf = fc.array(
  fc.record({
    memoryBytes: fc.nat(1_000),
    state: fc.constantFrom('ready' as const, 'down' as const),
    used: fc.nat(5),
    port: fc.boolean(),
    zone: fc.constantFrom('a', 'b', 'c'),
    gpus: fc.nat(3),
  }),
  { maxLength: 8 },
);
const groupsOf = fc.array(
  fc.record({
    tasks: fc.nat(12),
    memoryBytes: fc.nat(300),
    maxPerNode: fc.option(fc.integer({ min: 1, max: 4 })),
    port: fc.boolean(),
    gpus: fc.constantFrom(0, 0, 0, 1, 2),
    isZoned: fc.boolean(),
    strategy: fc.constantFrom('spread' as const, 'spread' as const, 'binpack' as const),
  }),
  { maxLength: 4 },
);

test('whatever is asked: each task is placed once or explained, on nodes that can take it, spread within one of even', () => {
  fc.assert(
    fc.property(nodesOf, groupsOf, (nodeShapes, groupShapes) => {
      const nodes = nodeShapes.map(({ memoryBytes, state, used, port, zone, gpus }, index) =>
        buildNode(index, {
          labels: { zone },
          genericResources: { capacity: { gpu: gpus }, reserved: {} },
          state,
          tasks: used,
          capacity: { nanoCpus: 4e9, memoryBytes },
          hostPorts: new Set(port ? ['80/tcp'] : []),
        }),
      );
      const groups = groupShapes.map(({ tasks, memoryBytes, maxPerNode, port, gpus, isZoned, strategy }, index) =>
        buildGroup(0, {
          serviceId: ServiceId.parse(idOf('s', index)),
          memoryBytes,
          maxPerNode,
          hostPorts: port ? ['80/tcp'] : [],
          genericResources: gpus > 0 ? { gpu: gpus } : {},
          spreadOver: isZoned ? ['zone'] : [],
          strategy,
          tasks: Array.from({ length: tasks }, (_, number) => ({ taskId: TaskId.parse(idOf('t', index * 100 + number)), onlyNodeId: null })),
        }),
      );
      const plan = planSchedule(groups, nodes);
      const placed = plan.placements.map((placement) => placement.taskId);
      const explained = plan.unplaced.flatMap((entry) => entry.taskIds);
      expect([...placed, ...explained].sort()).toEqual(groups.flatMap((group) => group.tasks.map((task) => task.taskId)).sort());
      for (const node of nodes) checkNode(node, groups, plan.placements);
      for (const group of groups.filter(isBoundless)) checkSpread(group, nodes, plan.placements);
      expect(planSchedule(groups, nodes.toReversed())).toMatchObject({ placements: plan.placements });
    }),
    { numRuns: 10_000 },
  );
});

type Placements = ReturnType<typeof planSchedule>['placements'];

function checkNode(node: CandidateNode, groups: PendingGroup[], placements: Placements): void {
  const here = groups.map((group) => ({
    group,
    count: placements.filter((p) => p.nodeId === node.nodeId && group.tasks.some((task) => task.taskId === p.taskId)).length,
  }));
  if (node.state !== 'ready') expect(here.every(({ count }) => count === 0)).toBe(true);
  expect(here.reduce((sum, { group, count }) => sum + group.memoryBytes * count, 0)).toBeLessThanOrEqual(node.capacity.memoryBytes);
  for (const { group, count } of here) expect(count).toBeLessThanOrEqual(group.maxPerNode ?? Number.POSITIVE_INFINITY);
  expect(here.reduce((sum, { group, count }) => sum + (group.genericResources.gpu ?? 0) * count, 0)).toBeLessThanOrEqual(
    node.genericResources.capacity.gpu ?? 0,
  );
  const holders = here.reduce((sum, { group, count }) => sum + (group.hostPorts.length > 0 ? count : 0), 0);
  expect(holders).toBeLessThanOrEqual(node.hostPorts.has('80/tcp') ? 0 : 1);
}

/** Any ready node can take any number of it. */
function isBoundless(group: PendingGroup): boolean {
  return group.memoryBytes === 0 && group.maxPerNode === null && group.hostPorts.length === 0 && group.genericResources.gpu === undefined;
}

function checkSpread(group: PendingGroup, nodes: CandidateNode[], placements: Placements): void {
  const ready = nodes.filter((node) => node.state === 'ready');
  const countOf = (node: CandidateNode) => placements.filter((p) => p.nodeId === node.nodeId && group.tasks.some((task) => task.taskId === p.taskId)).length;
  const isEven = (counts: number[]) => counts.length === 0 || Math.max(...counts) - Math.min(...counts) <= 1;
  const zones = [...Map.groupBy(ready, (node) => node.labels.zone).values()].map((within) => within.map(countOf));
  if (group.strategy === 'binpack' && group.spreadOver.length === 0) expect(ready.filter((node) => countOf(node) > 0).length).toBeLessThanOrEqual(1);
  if (group.spreadOver.length > 0) expect(isEven(zones.map((counts) => counts.reduce((sum, count) => sum + count, 0)))).toBe(true);
  if (group.strategy === 'spread' && group.spreadOver.length > 0) expect(zones.every(isEven)).toBe(true);
  if (group.strategy === 'spread' && group.spreadOver.length === 0) expect(isEven(zones.flat())).toBe(true);
}

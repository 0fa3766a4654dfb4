import type { ClusterNode } from '@gantry/contracts/http-api';
import { invalid, notFound } from '@gantry/platform/errors';
import type { Command } from 'commander';
import { type Client, connect } from '../client.ts';
import { everything } from './show.ts';

/** A node by its name, or by its id or the beginning of it. */
export async function findNode(client: Client, reference: string): Promise<ClusterNode> {
  const nodes = await everything((cursor) => client.nodes.list({ limit: 1000, ...(cursor ? { cursor } : {}) }));
  const named = nodes.filter(({ spec }) => spec.name === reference);
  const [found, ...others] = named.length > 0 ? named : nodes.filter(({ id }) => id.startsWith(reference));
  if (!found) throw notFound(`no node is called ${reference}; \`gantry nodes\` lists them`);
  if (others.length > 0) throw invalid(`${reference} fits ${others.length + 1} nodes; give the id`);
  return found;
}

async function change(reference: string, apply: (node: ClusterNode) => Partial<ClusterNode['spec']>): Promise<ClusterNode> {
  const { client } = await connect();
  const node = await findNode(client, reference);
  return client.nodes.update({ nodeId: node.id, version: node.version, ...apply(node) });
}

const availabilities = {
  drain: { availability: 'drain', description: 'move its tasks to other nodes, and let none come', done: 'its tasks move to other nodes' },
  pause: { availability: 'pause', description: 'let it keep its tasks, and no others come', done: 'it keeps its tasks and gets no others' },
  activate: { availability: 'active', description: 'let tasks come again', done: 'it takes tasks' },
} as const;

/** `name=value` sets, `name-` takes away, as kubectl's. */
export function toLabels(labels: Readonly<Record<string, string>>, changes: readonly string[]): Record<string, string> {
  const next = { ...labels };
  for (const word of changes) {
    const [, name = '', value] = /^([^=]+)=(.*)$/s.exec(word) ?? [];
    const removed = /^([^=]+)-$/.exec(word)?.[1];
    if (value !== undefined) next[name] = value;
    else if (removed !== undefined) delete next[removed];
    else throw invalid(`"${word}" is neither name=value nor name-`);
  }
  return next;
}

async function label(reference: string, changes: readonly string[]): Promise<void> {
  const { spec } = await change(reference, (node) => ({ labels: toLabels(node.spec.labels, changes) }));
  const labels = Object.entries(spec.labels).map(([name, value]) => `${name}=${value}`);
  console.log(`${spec.name}: ${labels.length === 0 ? 'no labels' : labels.sort().join(' ')}`);
}

export function addNodeCommands(program: Command): void {
  const node = program.command('node').description('what nodes may be given to do, and their labels');
  for (const which of ['drain', 'pause', 'activate'] as const) {
    const { availability, description, done } = availabilities[which];
    node
      .command(`${which} <node>`)
      .description(description)
      .action(async (reference: string) => {
        const { spec } = await change(reference, () => ({ availability }));
        console.log(`${spec.name}: ${done}`);
      });
  }
  node.command('label <node> <labels...>').description('set labels by name=value, take them away by name-').action(label);
}

import { SimulatedAgent, type SimulatedAgentOptions } from './simulated-agent.ts';

const connectingAtOnce = 64;

/** `count` simulated agents named PREFIX-0001 …, connected; the last one's acceptance is waited for. */
export async function startFleet(options: Omit<SimulatedAgentOptions, 'name' | 'identity'> & { count: number; prefix?: string }): Promise<SimulatedAgent[]> {
  const { count, prefix = 'node', ...common } = options;
  const agents = Array.from({ length: count }, (_, index) => new SimulatedAgent({ ...common, name: `${prefix}-${String(index + 1).padStart(4, '0')}` }));
  const waiting = [...agents];
  const connectSome = async () => {
    for (let agent = waiting.shift(); agent !== undefined; agent = waiting.shift()) {
      const connecting = agent;
      await connecting.connect();
      await connecting.until(() => connecting.isConnected);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(connectingAtOnce, count) }, connectSome));
  } catch (cause) {
    for (const agent of agents) agent.close();
    throw new Error(`start ${count} simulated agents`, { cause });
  }
  return agents;
}

export { FakeEngine } from './fake-engine.ts';
export { startFleet } from './fleet.ts';
export { registerSimulated, type SimulatedIdentity } from './identity.ts';
export { type AgentFaults, SimulatedAgent, type SimulatedAgentOptions, simulatedFacts } from './simulated-agent.ts';
export type { Scripting, TaskScript } from './task-script.ts';
export { UnrulyLink } from './unruly-link.ts';

export { AgentConnection } from './agent-connection.ts';
export { TestControlPlane } from './test-control-plane.ts';

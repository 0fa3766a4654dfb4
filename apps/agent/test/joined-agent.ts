import { TestControlPlane } from '@gantry/testing/control-plane';
import { AgentProcess } from './agent-process.ts';

export interface JoinedAgent {
  readonly plane: TestControlPlane;
  readonly agent: AgentProcess;
  /** All that was made, undone by its disposal. */
  readonly made: AsyncDisposableStack;
}

/** An agent that has joined a control plane in memory, with the image that assigned tasks run. */
export async function joinAgent(octet: number): Promise<JoinedAgent> {
  const made = new AsyncDisposableStack();
  try {
    const plane = await TestControlPlane.listen();
    made.defer(() => plane.close());
    const agent = await AgentProcess.create({ octet, serverUrl: plane.url, joinToken: plane.joinToken });
    made.defer(() => agent.destroy());
    await agent.start();
    await agent.loadBusybox('busybox:test', ['sleep', '100000']);
    await plane.until(() => plane.nodes.size === 1 && plane.node.connection !== null);
    return { plane, agent, made };
  } catch (error) {
    await made.disposeAsync();
    throw error;
  }
}

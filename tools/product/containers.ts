import { request } from 'node:http';

export interface EngineContainer {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly State: string;
  readonly Labels: Readonly<Record<string, string>>;
}

/** One call to a node's Docker Engine API. */
export function callEngine<Answer>(socketPath: string, method: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath, method, path }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 400) reject(new Error(`${method} ${path}: HTTP ${status} ${text}`));
        else resolve(text === '' ? (undefined as Answer) : (JSON.parse(text) as Answer)); // the Engine API's documented shapes
      });
    });
    call.on('error', reject).end();
  });
}

export const listContainers = (socketPath: string): Promise<EngineContainer[]> => callEngine(socketPath, 'GET', '/containers/json?all=1');

/** The host pid of a container's first process. */
export async function pidOfContainer(socketPath: string, id: string): Promise<number> {
  const { State } = await callEngine<{ State: { Pid: number } }>(socketPath, 'GET', `/containers/${id}/json`);
  return State.Pid;
}

/** Every container of a node. What the control plane wants back is gone with its data, so nothing brings them back for long. */
export async function removeContainers(socketPath: string): Promise<void> {
  for (const { Id } of await listContainers(socketPath)) await callEngine(socketPath, 'DELETE', `/containers/${Id}?force=1&v=1`);
}

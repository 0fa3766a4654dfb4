import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import type { Duplex } from 'node:stream';
import type { NodeId } from '@gantry/contracts/ids';
import { operational, whileTrying } from '@gantry/platform/errors';
import type { ReplicaAddress } from './replica.repository.ts';

export const tunnelProtocol = 'gantry-stream';

export function tunnelPath(nodeId: string): string {
  return `/api/v1/replica/nodes/${nodeId}/stream`;
}

/** A connection to a node's engine by way of the replica that holds its session: an HTTP upgrade, then raw bytes. */
export async function dialThroughReplica({ url, secret }: ReplicaAddress, nodeId: NodeId, signal: AbortSignal): Promise<Duplex> {
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  const send = url.startsWith('https:') ? requestTls : request;
  const headers = { connection: 'Upgrade', upgrade: tunnelProtocol, authorization: `Bearer ${secret}` };
  const outgoing = send(new URL(tunnelPath(nodeId), url), { headers, agent: false });
  const abandon = () => outgoing.destroy(operational('cancelled', 'dialling was cancelled'));
  signal.addEventListener('abort', abandon, { once: true });
  outgoing.on('error', reject);
  outgoing.on('response', (answer) => {
    answer.resume();
    reject(operational('unavailable', `the replica that holds the node answered ${answer.statusCode}`));
  });
  outgoing.on('upgrade', (_, socket, head) => {
    if (head.length > 0) socket.unshift(head);
    resolve(socket);
  });
  outgoing.end();
  try {
    return await promise;
  } catch (cause) {
    throw whileTrying(`reach node ${nodeId} through replica ${url}`, cause);
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}

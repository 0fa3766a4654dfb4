import { type RegisterRequest, RegisterResponse } from '@gantry/contracts/agent-link';
import type { NodeId } from '@gantry/contracts/ids';
import { GantryError, operational, whileTrying } from '@gantry/platform/errors';

const timeoutMs = 15_000;

/** Trades a join token for a node id. A refusal that another attempt can not mend has the code unauthorized, forbidden or invalid. */
export async function registerNode(serverUrl: string, request: RegisterRequest, options: { signal: AbortSignal }): Promise<NodeId> {
  const url = new URL('/api/v1/agent/register', serverUrl);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (!response.ok) throw refusal(response.status, (await response.text()).slice(0, 500));
    return RegisterResponse.parse(await response.json()).nodeId;
  } catch (cause) {
    throw whileTrying(`register this node at ${url.origin}`, cause);
  }
}

function refusal(status: number, body: string): GantryError {
  const message = `the control plane answered ${status}: ${body}`;
  if (status === 401) return new GantryError('user', 'unauthorized', message);
  if (status === 403) return new GantryError('user', 'forbidden', message);
  if (status === 400 || status === 422) return new GantryError('user', 'invalid', message);
  return operational(status === 429 ? 'rate-limited' : 'unavailable', message);
}

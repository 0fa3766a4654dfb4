import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { linkSignaturePayload, type RegisterRequest, RegisterResponse } from '@gantry/contracts/agent-link';
import type { NodeId } from '@gantry/contracts/ids';

export interface SimulatedIdentity {
  readonly nodeId: NodeId;
  readonly privateKey: KeyObject;
}

export async function registerSimulated(serverUrl: string, options: { joinToken: string; name: string; signal?: AbortSignal }): Promise<SimulatedIdentity> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  const body: RegisterRequest = { joinToken: options.joinToken, publicKey: raw, name: options.name };
  const response = await fetch(new URL('/api/v1/agent/register', serverUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  if (!response.ok) throw new Error(`register ${options.name}: ${response.status} ${(await response.text()).slice(0, 300)}`);
  return { nodeId: RegisterResponse.parse(await response.json()).nodeId, privateKey };
}

export function proveIdentity(identity: SimulatedIdentity, nonce: string): string {
  return sign(null, Buffer.from(linkSignaturePayload(identity.nodeId, nonce)), identity.privateKey).toString('base64');
}

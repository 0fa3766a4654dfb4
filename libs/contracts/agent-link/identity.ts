import { z } from 'zod';
import { NodeId } from '../ids/index.ts';

/** Protocol versions, oldest first; append only. An api serves agents one minor older. */
export const linkVersions = [{ version: 1, name: 'FIRST' }] as const;

/** What the agent measured of its host. */
export const NodeFacts = z.object({
  hostname: z.string().max(255),
  operatingSystem: z.string().max(255),
  kernel: z.string().max(255),
  architecture: z.string().max(64),
  cpus: z.number().int().positive(),
  memoryBytes: z.number().int().positive(),
  cgroupVersion: z.enum(['v1', 'v2', 'hybrid', 'none']),
  agentVersion: z.string().max(64),
  executorVersion: z.string().max(64),
  engineApiVersion: z.string().max(16),
  addresses: z.array(z.string().max(64)).max(64),
  /** Path of the Docker Engine API socket on the node. */
  engineSocket: z.string().max(255),
  /** Units that services can reserve: {"gpu": 2}. */
  genericResources: z.record(z.string().max(64), z.number().int().nonnegative()).optional(),
});
export type NodeFacts = z.infer<typeof NodeFacts>;

/** POST /api/v1/agent/register: trades a join token for a node identity. The key is Ed25519, raw 32 bytes in base64. */
export const RegisterRequest = z.object({
  joinToken: z.string().min(1).max(512),
  publicKey: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'expected 32 bytes in base64'),
  name: z.string().min(1).max(255),
});
export type RegisterRequest = z.infer<typeof RegisterRequest>;

export const RegisterResponse = z.object({ nodeId: NodeId });
export type RegisterResponse = z.infer<typeof RegisterResponse>;

/** What an agent signs to prove its identity on each connect (UTF-8). The server's nonce makes every proof single-use. */
export function linkSignaturePayload(nodeId: NodeId, nonce: string): string {
  return `gantry-agent-link:v1:${nodeId}:${nonce}`;
}

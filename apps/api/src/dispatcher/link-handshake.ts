import { createPublicKey, randomBytes, verify } from 'node:crypto';
import {
  encodeControlFrame,
  linkSignaturePayload,
  linkVersions,
  receiveLinkFrame,
  type ToAgent,
  type ToServer,
  ToServerMessage,
} from '@gantry/contracts/agent-link';
import type { NodeId } from '@gantry/contracts/ids';
import type { WebSocket } from 'ws';

const withinMs = 15_000;

type Hello = Extract<ToServer, { type: 'hello' }>;
type Rejection = Extract<ToAgent, { type: 'hello.rejected' }>;

export type Proof =
  | { readonly kind: 'proved'; readonly hello: Hello }
  | { readonly kind: 'refused'; readonly rejection: Rejection }
  | { readonly kind: 'gone' };

/** SubjectPublicKeyInfo of Ed25519, up to the 32 bytes of the key itself. */
const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex');

function isSignedBy(publicKey: Uint8Array, nodeId: NodeId, nonce: string, signature: string): boolean {
  const key = createPublicKey({ key: Buffer.concat([ed25519Prefix, publicKey]), format: 'der', type: 'spki' });
  return verify(null, Buffer.from(linkSignaturePayload(nodeId, nonce)), key, Buffer.from(signature, 'base64'));
}

function refuse(code: Rejection['code'], reason: string): Proof {
  return { kind: 'refused', rejection: { type: 'hello.rejected', code, reason } };
}

function receiveHello(socket: WebSocket): Promise<Hello | null> {
  const { promise, resolve } = Promise.withResolvers<Hello | null>();
  const timer = setTimeout(() => resolve(null), withinMs);
  socket.once('close', () => resolve(null));
  socket.once('message', (bytes: Buffer) => {
    const received = receiveLinkFrame(bytes, ToServerMessage);
    resolve(received.kind === 'message' && received.message.type === 'hello' ? received.message : null);
  });
  return promise.finally(() => clearTimeout(timer));
}

/** Challenge and answer: the agent signs a nonce made for this connection alone with the key it registered. */
export async function proveAgent(socket: WebSocket, findPublicKey: (nodeId: NodeId) => Promise<Uint8Array | null>): Promise<Proof> {
  const nonce = randomBytes(32).toString('base64url');
  const versions = linkVersions.map(({ version }) => version);
  const answer = receiveHello(socket);
  const challenge: ToAgent = { type: 'challenge', nonce, versions };
  socket.send(encodeControlFrame(challenge));
  const hello = await answer;
  if (hello === null) return { kind: 'gone' };
  if (!versions.some((version) => version === hello.version))
    return refuse('version', `this control plane speaks versions ${versions.join(', ')}, not ${hello.version}`);
  const publicKey = await findPublicKey(hello.nodeId);
  if (publicKey === null) return refuse('unknown-node', `there is no node ${hello.nodeId}: it was removed, or belongs to another cluster`);
  if (!isSignedBy(publicKey, hello.nodeId, nonce, hello.signature)) return refuse('bad-signature', 'the signature is not of the key that the node registered');
  return { kind: 'proved', hello };
}

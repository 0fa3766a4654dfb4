import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { linkSignaturePayload } from '@gantry/contracts/agent-link';
import { NodeId } from '@gantry/contracts/ids';
import { operational, whileTrying } from '@gantry/platform/errors';
import { writeFileDurably } from '@gantry/platform/node';
import { z } from 'zod';

const IdentityFile = z.object({ privateKey: z.string(), nodeId: NodeId.nullable() });

/**
 * Who this node is: an Ed25519 key made here that never leaves it, and the id the control plane gave it. The key is on disk before it is
 * registered, so that an agent killed in between registers the same key again and is given the same id.
 */
export class Identity {
  readonly #path: string;
  readonly #privateKey: KeyObject;
  #nodeId: NodeId | null;

  private constructor(path: string, privateKey: KeyObject, nodeId: NodeId | null) {
    this.#path = path;
    this.#privateKey = privateKey;
    this.#nodeId = nodeId;
  }

  static async open(directory: string): Promise<Identity> {
    const path = join(directory, 'identity.json');
    const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return null;
      throw whileTrying(`read ${path}`, cause);
    });
    if (text === null) {
      const identity = new Identity(path, generateKeyPairSync('ed25519').privateKey, null);
      await identity.#write(null);
      return identity;
    }
    await chmod(path, 0o600);
    try {
      const file = IdentityFile.parse(JSON.parse(text));
      return new Identity(path, createPrivateKey(file.privateKey), file.nodeId);
    } catch (cause) {
      throw operational('corrupt', `read the node's identity in ${path}`, { cause });
    }
  }

  /** Null until the control plane has registered it. */
  get nodeId(): NodeId | null {
    return this.#nodeId;
  }

  /** The raw 32 bytes in base64. */
  get publicKey(): string {
    return createPublicKey(this.#privateKey).export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64');
  }

  async rememberNodeId(nodeId: NodeId): Promise<void> {
    await this.#write(nodeId);
    this.#nodeId = nodeId;
  }

  prove(nodeId: NodeId, nonce: string): string {
    return sign(null, Buffer.from(linkSignaturePayload(nodeId, nonce)), this.#privateKey).toString('base64');
  }

  async #write(nodeId: NodeId | null): Promise<void> {
    const file: z.infer<typeof IdentityFile> = { privateKey: this.#privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), nodeId };
    await writeFileDurably(this.#path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
  }
}

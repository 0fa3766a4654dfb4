import { createHash } from 'node:crypto';
import { invalid } from '@gantry/platform/errors';

/** The only digests that may become a path or part of an address. */
const pattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export type DigestAlgorithm = 'sha256' | 'sha512';

export interface ParsedDigest {
  readonly algorithm: DigestAlgorithm;
  readonly hex: string;
}

export function isDigest(text: string): boolean {
  return pattern.test(text);
}

export function parseDigest(text: string): ParsedDigest {
  if (!pattern.test(text)) throw invalid(`${JSON.stringify(text.slice(0, 150))} is not a sha256 or sha512 digest`);
  return { algorithm: text.startsWith('sha256:') ? 'sha256' : 'sha512', hex: text.slice(7) };
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`;
}

/** Twelve digits, as Docker shows ids and layers. */
export function shortDigest(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1).slice(0, 12);
}

/** OCI image spec, "Layer ChainID": names a layer together with everything below it. Bottom first. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(parent === undefined ? diffId : digestOf(Buffer.from(`${parent} ${diffId}`)));
  }
  return chain;
}

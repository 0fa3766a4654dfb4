import { randomBytes } from 'node:crypto';
import { toSwarmId } from '@gantry/contracts/ids';

/** A fresh random id; whoever needs a brand parses it. */
export function newId(): string {
  return toSwarmId(randomBytes(25));
}

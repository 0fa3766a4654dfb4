import { z } from 'zod';

/** 25 characters of [0-9a-z], as Swarm's ids are, so that the cluster's Docker API can show them unchanged. */
const swarmId = z.string().regex(/^[0-9a-z]{25}$/, 'expected an id of 25 characters 0-9a-z');

/** Every id is its own type: a ServiceId can not be passed where a TaskId is wanted. */
export const NodeId = swarmId.brand<'NodeId'>();
export type NodeId = z.infer<typeof NodeId>;
export const PayloadId = swarmId.brand<'PayloadId'>();
export type PayloadId = z.infer<typeof PayloadId>;
export const ServiceId = swarmId.brand<'ServiceId'>();
export type ServiceId = z.infer<typeof ServiceId>;
export const SessionId = swarmId.brand<'SessionId'>();
export type SessionId = z.infer<typeof SessionId>;
export const StackId = swarmId.brand<'StackId'>();
export type StackId = z.infer<typeof StackId>;
export const TaskId = swarmId.brand<'TaskId'>();
export type TaskId = z.infer<typeof TaskId>;
export const UserId = z.string().min(1).max(64).brand<'UserId'>();
export type UserId = z.infer<typeof UserId>;

/** A container's id is the runtime's: 64 hexadecimal digits, as Docker's. */
export const ContainerId = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')
  .brand<'ContainerId'>();
export type ContainerId = z.infer<typeof ContainerId>;

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Turns at least 25 random bytes into an id string; the caller supplies the randomness and parses the result to its brand. */
export function toSwarmId(random: Uint8Array): string {
  if (random.length < 25) throw new RangeError(`an id needs 25 random bytes, got ${random.length}`);
  let id = '';
  for (const byte of random.subarray(0, 25)) id += alphabet[byte % 36];
  return id;
}

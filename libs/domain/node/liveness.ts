/** Agents of the whole cluster together send about so many heartbeats a second. */
const heartbeatsPerSecond = 50;

/** A node is down when it has missed so many heartbeats. */
export const missedHeartbeats = 3;

/** How often each of `nodes` agents is to say that it lives: never faster than `shortestMs`, slower as the cluster grows. */
export function planHeartbeatMs(nodes: number, shortestMs: number): number {
  return Math.max(shortestMs, Math.ceil((nodes * 1_000) / heartbeatsPerSecond));
}

import type { Containers } from '@gantry/runtime/containers';

const lines = 20;
const maxBytes = 2048;

/** The end of what a container wrote, for people who ask why it failed; '' when there is nothing or it can not be read. */
export async function readLastOutput(containers: Pick<Containers, 'logs'>, containerId: string): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const { bytes } of containers.logs(containerId, { stdout: true, stderr: true, tail: lines })) chunks.push(bytes);
  } catch (error) {
    return `(its log could not be read: ${error instanceof Error ? error.message : String(error)})`;
  }
  return Buffer.concat(chunks).subarray(-maxBytes).toString('utf8').trimEnd();
}

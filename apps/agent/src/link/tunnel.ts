import { whileTrying } from '@gantry/platform/errors';
import { connectUnix } from '@gantry/platform/node';
import { type LinkStream, spliceStreams } from '@gantry/platform/streams';

/** Joins a stream of the link to this node's own Docker Engine API. Rejects when the engine can not be reached. */
export async function connectToEngine(stream: LinkStream, engineSocket: string): Promise<void> {
  const abandoned = new AbortController();
  stream.once('close', () => abandoned.abort());
  try {
    const engine = await connectUnix(engineSocket, { signal: abandoned.signal });
    if (stream.destroyed) engine.destroy();
    else spliceStreams(stream, engine);
  } catch (cause) {
    throw whileTrying('connect to the engine of this node', cause);
  }
}

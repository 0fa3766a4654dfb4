import type { Duplex } from 'node:stream';

/**
 * Joins two duplex streams until both directions have ended. The end of one direction half-closes the other stream and leaves the
 * opposite direction alone; an error or an early close on either side destroys both.
 */
export function spliceStreams(left: Duplex, right: Duplex): void {
  const fail = (error?: Error) => {
    left.destroy(error);
    right.destroy(error);
  };
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    from.on('error', fail);
    from.on('close', () => {
      if (!(from.readableEnded && from.writableFinished)) fail();
    });
    from.pipe(to);
  }
}

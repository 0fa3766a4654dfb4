import { connect, type Socket } from 'node:net';

/** One request written byte for byte, and everything that comes back until the engine ends the connection or `until` is seen. */
export async function talk(socketPath: string, request: string | Buffer, options: { until?: string; timeoutMs?: number } = {}): Promise<string> {
  const socket: Socket = connect({ path: socketPath, allowHalfOpen: true });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let received = '';
  const timer = setTimeout(() => reject(new Error(`no end of the answer; so far: ${received.slice(0, 500)}`)), options.timeoutMs ?? 20_000);
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
    if (options.until !== undefined && received.includes(options.until)) resolve(received);
  });
  socket.once('end', () => resolve(received));
  socket.once('error', reject);
  socket.write(request);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** An ordinary request on a connection of its own. */
export async function ask(socketPath: string, method: string, path: string, body = '', type = 'application/json'): Promise<Answer> {
  const head = `${method} ${path} HTTP/1.1\r\nHost: engine\r\nConnection: close\r\n${body === '' ? '' : `Content-Type: ${type}\r\n`}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`;
  const answer = await talk(socketPath, head + body);
  const separator = answer.indexOf('\r\n\r\n');
  const isChunked = /^transfer-encoding: chunked/im.test(answer.slice(0, separator));
  const content = answer.slice(separator + 4);
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0), body: isChunked ? joinChunks(content) : content };
}

function joinChunks(coded: string): string {
  let content = '';
  for (let at = 0; ; ) {
    const end = coded.indexOf('\r\n', at);
    const size = Number.parseInt(coded.slice(at, end), 16);
    if (!(size > 0)) return content;
    content += coded.slice(end + 2, end + 2 + size);
    at = end + 4 + size;
  }
}

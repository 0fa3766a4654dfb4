import { createServer } from 'node:net';
import { Advice } from '../process/report.ts';

function tryListen(port: number, host: string): Promise<{ port: number } | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve({ port: typeof address === 'object' && address ? address.port : port }));
    });
  });
}

export async function assertPortFree(port: number, host: string, option: string): Promise<void> {
  const result = await tryListen(port, host);
  if (!(result instanceof Error)) return;
  if (result.code === 'EADDRINUSE')
    throw new Advice(
      `Port ${port} on ${host} is taken by another program. Stop that one (ss -ltnp 'sport = :${port}' names it), or choose another with ${option}.`,
    );
  if (result.code === 'EADDRNOTAVAIL') throw new Advice(`This host has no address ${host}. Choose one of its own with --bind, or 0.0.0.0 for all.`);
  throw new Advice(`Port ${port} on ${host} cannot be used: ${result.message}. Choose another with ${option}.`);
}

/** A port nobody listens on at this moment. */
export async function freePort(): Promise<number> {
  const result = await tryListen(0, '127.0.0.1');
  if (result instanceof Error) throw result;
  return result.port;
}

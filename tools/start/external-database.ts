import { connect } from 'node:net';
import { Advice } from '../process/report.ts';

function reach(host: string, port: number): Promise<Error | null> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 5_000 });
    const end = (result: Error | null) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => end(null));
    socket.once('timeout', () => end(new Error('no answer within 5 s')));
    socket.once('error', end);
  });
}

/** Says early and plainly that a database of the user's own is not there; wrong passwords the api reports itself. */
export async function assertReachable(variable: 'DATABASE_URL' | 'REDIS_URL', value: string, defaultPort: number): Promise<void> {
  if (!URL.canParse(value))
    throw new Advice(`${variable} is not a URL. It should look like postgresql://user:password@host:5432/database (or redis://host:6379).`);
  const url = new URL(value);
  const port = Number(url.port) || defaultPort;
  const failure = await reach(url.hostname, port);
  if (failure)
    throw new Advice(
      `${variable} names ${url.hostname}:${port}, which cannot be reached (${failure.message}). Start that server or correct the variable; without it Gantry runs a Postgres of its own.`,
    );
}

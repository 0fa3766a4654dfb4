import { chmod, chown, mkdir, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { dirname, join } from 'node:path';
import { EngineError } from '@gantry/engine-api/protocol';
import { invalid, operational, whileTrying } from '@gantry/platform/errors';
import { connectUnix, listenUnix } from '@gantry/platform/node';

/** Id of a group by its name; null when the host has none of that name. */
async function groupId(name: string): Promise<number | null> {
  const groups = await readFile('/etc/group', 'utf8');
  const entry = groups.split('\n').find((line) => line.startsWith(`${name}:`));
  return entry === undefined ? null : Number(entry.split(':')[2]);
}

async function isAnswering(path: string): Promise<boolean> {
  try {
    (await connectUnix(path)).destroy();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/**
 * Listens on a unix socket that root and members of `group` may use. A socket file left by an engine that is gone is taken over;
 * one that still answers is another engine's.
 */
export async function listenOnSocket(server: Server, path: string, group: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (await isAnswering(path)) throw operational('conflict', `${path} already has an engine listening on it`);
  await rm(path, { force: true });
  await listenUnix(server, path);
  try {
    const gid = await groupId(group);
    await chown(path, 0, gid ?? 0);
    await chmod(path, 0o660);
  } catch (cause) {
    throw whileTrying(`set owner and mode of ${path}`, cause);
  }
}

const loopback = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

/** Where the API is served over TCP. Without client certificates whoever reaches it is root: only this host may. */
export interface TcpListener {
  readonly address: string;
  readonly port: number;
  /** PEM: who signs clients' certificates, and what the engine shows. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null;
}

/** The files of a `--tlsverify` directory, as Docker names them. */
export async function readTls(directory: string): Promise<NonNullable<TcpListener['tls']>> {
  const read = (name: string) => readFile(join(directory, name), 'utf8');
  try {
    return { ca: await read('ca.pem'), cert: await read('cert.pem'), key: await read('key.pem') };
  } catch (cause) {
    throw whileTrying(`read the engine's certificates in ${directory}`, cause);
  }
}

/** The port it listens on: the one asked for, or with 0 a free one. */
export async function listenOnTcp(server: Server, { address, port, tls }: TcpListener): Promise<number> {
  if (tls === null && !loopback.test(address))
    throw invalid(`serving the engine on ${address} needs client certificates: plain TCP is for loopback addresses only`);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ host: address, port }, resolve);
  try {
    await promise;
    const bound = server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : port;
  } catch (cause) {
    throw whileTrying(`listen on ${address}:${port}`, cause);
  } finally {
    server.off('error', reject);
  }
}

/** Keeps web pages out: a browser says where a request comes from, and a rebound name shows in the Host header. */
export function refuseBrowsers(request: IncomingMessage, isPlain: boolean): void {
  if (request.headers.origin !== undefined) throw new EngineError(403, 'requests from web pages are refused');
  const host = (request.headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
  if (isPlain && host !== '' && !loopback.test(host)) throw new EngineError(403, `requests for host ${host} are refused`);
}

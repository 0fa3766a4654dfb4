import { open } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { operational, whileTrying } from '@gantry/platform/errors';

/** sun_path holds 108 bytes with its terminator. */
const longestAddress = 107;

/**
 * Runs `use` with an address the kernel accepts for `path`: the path itself, or one through an open descriptor of its directory
 * when it is too long. The address is good only until `use` settles.
 */
async function withAddress<T>(path: string, use: (address: string) => Promise<T>): Promise<T> {
  if (Buffer.byteLength(path) <= longestAddress) return use(path);
  const directory = await open(dirname(path), 'r');
  try {
    return await use(`/proc/self/fd/${directory.fd}/${basename(path)}`);
  } finally {
    await directory.close();
  }
}

/** A connected socket with allowHalfOpen, so that the end of one direction leaves the other alone. */
export async function connectUnix(path: string, options: { signal?: AbortSignal } = {}): Promise<Socket> {
  options.signal?.throwIfAborted();
  try {
    return await withAddress(path, (address) => {
      const { promise, resolve, reject } = Promise.withResolvers<Socket>();
      const socket = connect({ path: address, allowHalfOpen: true });
      const abandon = () => socket.destroy(operational('cancelled', `connecting to ${path} was cancelled`));
      options.signal?.addEventListener('abort', abandon, { once: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        options.signal?.removeEventListener('abort', abandon);
        resolve(socket);
      });
      return promise;
    });
  } catch (cause) {
    throw whileTrying(`connect to ${path}`, cause);
  }
}

/** Listens on a path of any length. The caller removes a stale socket file first and sets its mode after. */
export async function listenUnix(server: Server, path: string): Promise<void> {
  try {
    await withAddress(path, (address) => {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      server.once('error', reject);
      server.listen({ path: address }, () => {
        server.off('error', reject);
        resolve();
      });
      return promise;
    });
  } catch (cause) {
    throw whileTrying(`listen on ${path}`, cause);
  }
}

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import { whileTrying } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import { type DnsQuestion, type DnsRecord, readQuestion, recordType, responseCode, writeAnswer } from './dns-message.ts';
import { canonicalAddress, isIpv6Text } from './subnet.ts';

/** What the resolver knows of the world. */
export interface NameSource {
  /** Addresses of both families of `name` as the container at `client` sees it; null: not one of our names. */
  addresses(client: string, name: string): readonly string[] | null;
  /** The name of the container at `address`, for `client`. */
  nameOf(client: string, address: string): string | null;
  /** Servers for all other names; empty when the client may not look outside. */
  upstream(client: string): readonly string[];
}

export interface Resolver {
  /** Answers at `address`:53; idempotent. */
  listen(address: string): Promise<void>;
  unlisten(address: string): void;
  close(): void;
}

const upstreamTimeoutMs = 4000;
const maxForwarded = 512;
const ttlSeconds = 600;

/**
 * Names for containers in user-defined networks, answered on each bridge's gateway address; who asks is told by the source address. Everything else goes
 * to the host's own servers.
 */
export function createResolver(source: NameSource, logger: Logger): Resolver {
  const listeners = new Map<string, { udp: UdpSocket; tcp: Server }>();
  let forwarded = 0;

  function ownAnswer(question: DnsQuestion, client: string): Buffer | null {
    if (question.type === recordType.PTR) {
      const address = reversedAddress(question.name);
      const name = address === null ? null : source.nameOf(client, address);
      return name === null ? null : writeAnswer(question, responseCode.noError, [{ type: recordType.PTR, name }], ttlSeconds);
    }
    const addresses = source.addresses(client, question.name);
    if (addresses === null) return null;
    const { type } = question;
    const isWanted = (address: string) => type === (isIpv6Text(address) ? recordType.AAAA : recordType.A);
    const records: DnsRecord[] = shuffled(addresses.filter(isWanted)).map((address) => ({ type, address }));
    return writeAnswer(question, responseCode.noError, records, ttlSeconds);
  }

  async function answer(message: Buffer, client: string): Promise<Buffer | null> {
    const question = readQuestion(message);
    if (question === null) return null;
    const own = ownAnswer(question, client);
    if (own !== null) return own;
    const servers = source.upstream(client);
    if (servers.length === 0) return writeAnswer(question, responseCode.nameError, [], 0);
    if (forwarded >= maxForwarded) return writeAnswer(question, responseCode.serverFailure, [], 0);
    forwarded++;
    try {
      for (const server of servers) {
        const reply = await ask(server, message);
        if (reply !== null) return reply;
      }
    } finally {
      forwarded--;
    }
    return writeAnswer(question, responseCode.serverFailure, [], 0);
  }

  function listenUdp(address: string): Promise<UdpSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<UdpSocket>();
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.on('message', (message, peer) => {
      answer(message, peer.address).then(
        (reply) => {
          if (reply !== null && listeners.has(address)) socket.send(reply, peer.port, peer.address);
        },
        (error: unknown) => logger.warn({ err: error }, 'could not answer a name query'),
      );
    });
    socket.bind({ address, port: 53 }, () => {
      socket.off('error', reject);
      socket.on('error', (error) => logger.warn({ err: error, address }, 'name resolution socket failed'));
      resolve(socket);
    });
    return promise;
  }

  function listenTcp(address: string): Promise<Server> {
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    const server = createServer((socket) => serveTcp(socket, (message) => answer(message, socket.remoteAddress ?? '')));
    server.maxConnections = 256;
    server.once('error', reject);
    server.listen({ host: address, port: 53 }, () => resolve(server));
    return promise;
  }

  return {
    async listen(address) {
      if (listeners.has(address)) return;
      try {
        const udp = await listenUdp(address);
        const tcp = await listenTcp(address).catch((error: unknown) => {
          udp.close();
          throw error;
        });
        listeners.set(address, { udp, tcp });
      } catch (cause) {
        throw whileTrying(`listen for name queries on ${address}`, cause);
      }
    },
    unlisten(address) {
      const listener = listeners.get(address);
      listeners.delete(address);
      listener?.udp.close();
      listener?.tcp.close();
    },
    close() {
      for (const address of [...listeners.keys()]) this.unlisten(address);
    },
  };
}

/** The address that a name for the other direction stands for (RFC 1035, section 3.5; RFC 3596, section 2.5). */
function reversedAddress(name: string): string | null {
  const ipv4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name)?.[1];
  if (ipv4 !== undefined) return ipv4.slice(0, -1).split('.').reverse().join('.');
  const ipv6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1];
  if (ipv6 === undefined) return null;
  const digits = ipv6.replaceAll('.', '').split('').reverse().join('');
  return canonicalAddress(digits.match(/.{4}/g)?.join(':') ?? '');
}

function shuffled(addresses: readonly string[]): string[] {
  return addresses
    .map((address) => ({ address, order: Math.random() }))
    .sort((one, other) => one.order - other.order)
    .map(({ address }) => address);
}

/** Null when the server does not answer in time. */
function ask(server: string, message: Buffer): Promise<Buffer | null> {
  const { promise, resolve } = Promise.withResolvers<Buffer | null>();
  const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
  const finish = (reply: Buffer | null) => {
    clearTimeout(timer);
    socket.close();
    resolve(reply);
  };
  const timer = setTimeout(() => finish(null), upstreamTimeoutMs);
  socket.once('error', () => finish(null));
  socket.connect(53, server, () => {
    socket.on('message', (reply) => {
      if (reply.length > 2 && reply.readUInt16BE(0) === message.readUInt16BE(0)) finish(reply);
    });
    socket.send(message);
  });
  return promise;
}

/** RFC 1035, section 4.2.2: two bytes of length before each message. */
function serveTcp(socket: Socket, answer: (message: Buffer) => Promise<Buffer | null>): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.setTimeout(10_000, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    if (pending.length < 2 || pending.length < 2 + pending.readUInt16BE(0)) return;
    const message = pending.subarray(2, 2 + pending.readUInt16BE(0));
    pending = pending.subarray(2 + message.length);
    answer(message).then(
      (reply) => {
        if (reply === null) {
          socket.destroy();
          return;
        }
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length);
        socket.end(Buffer.concat([length, reply]));
      },
      () => {
        socket.destroy();
      },
    );
  });
}

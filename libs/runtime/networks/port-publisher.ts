import { createSocket } from 'node:dgram';
import { connect, createServer, isIP, type Socket } from 'node:net';
import { conflict, invalid, operational } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import { spliceStreams } from '@gantry/platform/streams';
import type { MetadataStore } from '@gantry/runtime/metadata';
import { z } from 'zod';
import type { PortPublisher, PortRequest, PublishedPort } from './networks.ts';
import { isAnyAddress, isIpv6Text } from './subnet.ts';

const Publication = z.object({
  hostIp: z.string(),
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  hostPort: z.number(),
  targets: z.array(z.object({ ip: z.string(), port: z.number() })),
});

/** Where ports nobody chose are taken from, as Docker does. */
const ephemeral = { first: 49_153, last: 65_535 } as const;

/** A socket that keeps the port from others on this host. Packets get to it only where no rule can lead them on: from ::1. */
interface Claim {
  release(): void;
}

/** Connections to one port from ::1 at a time. */
const maxCarried = 256;

const claimKey = (port: Pick<PublishedPort, 'hostIp' | 'protocol' | 'hostPort'>) => `${port.protocol} ${port.hostIp} ${port.hostPort}`;

function claimPort({ hostIp, protocol, hostPort: port }: PublishedPort, serve: (socket: Socket) => void): Promise<Claim> {
  const { promise, resolve, reject } = Promise.withResolvers<Claim>();
  if (protocol === 'tcp') {
    const server = createServer({ allowHalfOpen: true }, serve);
    server.maxConnections = maxCarried;
    server.once('error', reject);
    server.listen({ host: hostIp, port, exclusive: true, ipv6Only: isIpv6Text(hostIp) }, () => resolve({ release: () => void server.close() }));
    server.unref();
  } else if (protocol === 'udp') {
    const socket = createSocket(isIpv6Text(hostIp) ? { type: 'udp6', ipv6Only: true } : { type: 'udp4' });
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: hostIp, port, exclusive: true }, () => resolve({ release: () => socket.close() }));
    socket.unref();
  } else {
    resolve({ release: () => undefined });
  }
  return promise;
}

export interface PortPublisherOptions {
  readonly metadata: MetadataStore;
  readonly logger: Logger;
  /** Called after what is published changed. */
  readonly apply: () => Promise<void>;
}

export function createPortPublisher(options: PortPublisherOptions): PortPublisher & { all(): PublishedPort[]; takeUp(): Promise<void>; close(): void } {
  const records = options.metadata.collection('published-ports', z.array(Publication));
  const published = new Map<string, PublishedPort[]>(records.entries());
  const claims = new Map<string, Claim>();
  let nextEphemeral: number = ephemeral.first;
  /** One allocation at a time: what is chosen must still be free when it is recorded. */
  let turn: Promise<unknown> = Promise.resolve();

  const all = () => [...published.values()].flat();

  function isTaken(request: Pick<PortRequest, 'protocol' | 'hostIp'>, port: number, except: string): boolean {
    for (const [key, ports] of published) {
      if (key === except) continue;
      if (ports.some((other) => other.protocol === request.protocol && other.hostPort === port && meet(other.hostIp, request.hostIp))) return true;
    }
    return false;
  }

  function candidates(request: PortRequest): Iterable<number> {
    if (typeof request.hostPort !== 'number') return range(request.hostPort[0], request.hostPort[1]);
    if (request.hostPort > 0) return [request.hostPort];
    return range(nextEphemeral, ephemeral.last, ephemeral.first);
  }

  /** The kernel has no route_localnet for IPv6: what the host itself sends to ::1 is carried on from here. */
  function carrierOf(port: PublishedPort): (socket: Socket) => void {
    const name = claimKey(port);
    return (socket) => {
      const target = all().find((candidate) => claimKey(candidate) === name)?.targets[0];
      if (target === undefined || !isIpv6Text(port.hostIp)) socket.destroy();
      else spliceStreams(socket, connect({ host: target.ip, port: target.port, allowHalfOpen: true }));
    };
  }

  /** Null when somebody else on this host has it. */
  async function claim(port: PublishedPort): Promise<Claim | null> {
    try {
      return await claimPort(port, carrierOf(port));
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'EADDRINUSE') return null;
      throw operational('failed', `bind for ${port.hostIp}:${port.hostPort} failed`, { cause });
    }
  }

  /** False, with nothing claimed, unless all of them are free. */
  async function claimAll(key: string, ports: readonly PublishedPort[], kept: ReadonlySet<string>, claimed: Map<string, Claim>): Promise<boolean> {
    const made = new Map<string, Claim>();
    for (const port of ports) {
      const name = claimKey(port);
      const isOurs = !isTaken(port, port.hostPort, key) && !claimed.has(name);
      if (isOurs && kept.has(name)) continue;
      const claimedNow = isOurs ? await claim(port) : null;
      if (claimedNow === null) {
        for (const other of made.values()) other.release();
        return false;
      }
      made.set(name, claimedNow);
    }
    for (const [name, claimedNow] of made) claimed.set(name, claimedNow);
    return true;
  }

  async function allocate(key: string, request: PortRequest, kept: ReadonlySet<string>, claimed: Map<string, Claim>): Promise<PublishedPort[]> {
    const { ipv6Targets, ...own } = request;
    for (const hostPort of candidates(request)) {
      const ports: PublishedPort[] = [{ ...own, hostPort }, ...(ipv6Targets === undefined ? [] : [{ ...own, hostIp: '::', hostPort, targets: ipv6Targets }])];
      if (!(await claimAll(key, ports, kept, claimed))) continue;
      if (request.hostPort === 0) nextEphemeral = hostPort >= ephemeral.last ? ephemeral.first : hostPort + 1;
      return ports;
    }
    throw allocated(request);
  }

  function record(key: string, ports: readonly PublishedPort[]): void {
    if (ports.length === 0) {
      records.delete(key);
      published.delete(key);
      return;
    }
    records.put(
      key,
      ports.map((port) => ({ ...port, targets: [...port.targets] })),
    );
    published.set(key, [...ports]);
  }

  async function ensure(key: string, requests: readonly PortRequest[]): Promise<PublishedPort[]> {
    const foreign = requests.find((request) => isIP(request.hostIp) === 0);
    if (foreign !== undefined) throw invalid(`ports can be published on addresses of this host, not on ${JSON.stringify(foreign.hostIp)}`);
    const before = published.get(key) ?? [];
    const kept = new Set(before.map(claimKey));
    const claimed = new Map<string, Claim>();
    const ports: PublishedPort[] = [];
    try {
      for (const request of requests) ports.push(...(await allocate(key, request, kept, claimed)));
      record(key, ports);
      await options.apply();
    } catch (error) {
      for (const made of claimed.values()) made.release();
      record(key, before);
      throw error;
    }
    const now = new Set(ports.map(claimKey));
    for (const name of kept) if (!now.has(name)) dropClaim(name);
    for (const [name, made] of claimed) claims.set(name, made);
    return ports;
  }

  function dropClaim(name: string): void {
    claims.get(name)?.release();
    claims.delete(name);
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work, work);
    turn = result.catch(() => undefined);
    return result;
  }

  return {
    all,
    ensure: (key, requests) => inTurn(() => ensure(key, requests)),
    release: (key) =>
      inTurn(async () => {
        const ports = published.get(key);
        if (ports === undefined) return;
        record(key, []);
        await options.apply();
        for (const port of ports) dropClaim(claimKey(port));
      }),
    published: (key) => published.get(key) ?? [],
    /** After a restart of the agent. A port somebody took meanwhile stays ours in the table; that is worth a warning. */
    async takeUp() {
      for (const port of all()) {
        try {
          claims.set(claimKey(port), await claimPort(port, carrierOf(port)));
        } catch (error) {
          options.logger.warn({ err: error, port: claimKey(port) }, 'a published port was taken by another process meanwhile');
        }
      }
    },
    close() {
      for (const name of [...claims.keys()]) dropClaim(name);
    },
  };
}

function allocated({ hostIp, hostPort }: PortRequest): Error {
  if (hostPort === 0) return conflict('all ephemeral ports are allocated');
  return conflict(`Bind for ${hostIp}:${typeof hostPort === 'number' ? hostPort : hostPort.join('-')} failed: port is already allocated`);
}

function meet(one: string, other: string): boolean {
  return one === other || (isIpv6Text(one) === isIpv6Text(other) && (isAnyAddress(one) || isAnyAddress(other)));
}

/** first … last, then from `wrapTo` up to before first. */
function* range(first: number, last: number, wrapTo: number = first): Generator<number> {
  for (let value = first; value <= last; value++) yield value;
  for (let value = wrapTo; value < first; value++) yield value;
}

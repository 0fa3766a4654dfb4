import { connect, createServer, type Server, type Socket } from 'node:net';

/** A TCP load balancer that knows nothing of what it carries: each connection goes to the next backend that takes it. */
export class LoadBalancer {
  readonly #backends: readonly { readonly host: string; readonly port: number }[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #turn = 0;

  constructor(backends: readonly { host: string; port: number }[]) {
    this.#backends = backends;
    this.#server = createServer((client) => this.#join(client, this.#backends.length));
  }

  async listen(host: string, port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject).listen(port, host, resolve);
    await promise;
  }

  /** Every connection breaks off without a goodbye; new ones are taken. */
  reset(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
  }

  #join(client: Socket, attempts: number): void {
    const backend = this.#backends[this.#turn++ % this.#backends.length];
    if (backend === undefined || attempts === 0) {
      client.destroy();
      return;
    }
    const server = connect(backend);
    const refused = () => this.#join(client, attempts - 1);
    server.once('error', refused);
    server.once('connect', () => {
      server.off('error', refused);
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => to.destroy());
        from.on('close', () => {
          this.#sockets.delete(from);
          to.destroy();
        });
        from.pipe(to);
      }
    });
  }
}

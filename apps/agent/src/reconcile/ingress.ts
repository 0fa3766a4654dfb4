import type { AssignedTask } from '@gantry/contracts/agent-link';
import type { ServiceId } from '@gantry/contracts/ids';
import { type IngressPublication, type IngressTarget, planIngress } from '@gantry/domain/container';
import { describeError } from '@gantry/platform/errors';
import type { Logger } from '@gantry/platform/node';
import type { PortPublisher } from '@gantry/runtime/networks';

export interface IngressView {
  /** Those that publish ports, also when none of their tasks can take connections now. */
  readonly services: Iterable<ServiceId>;
  readonly targets: readonly IngressTarget[];
}

/**
 * Keeps the host's ingress ports leading to the local tasks that can take connections. `sync` resolves when what `observe` showed at the
 * call, or later, is in force; calls that come while one runs share the next. A port that is taken is tried again at each sync.
 */
export class Ingress {
  readonly #ports: PortPublisher;
  readonly #observe: () => IngressView;
  readonly #logger: Logger;
  readonly #inForce = new Map<ServiceId, readonly IngressPublication[]>();
  readonly #problems = new Map<ServiceId, string>();
  /** Services whose ports an agent before this one may have published; each is looked at until it is settled. */
  readonly #former: Set<ServiceId>;
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  constructor(options: { ports: PortPublisher; observe: () => IngressView; former: Iterable<ServiceId>; logger: Logger }) {
    this.#ports = options.ports;
    this.#observe = options.observe;
    this.#former = new Set(options.former);
    this.#logger = options.logger;
  }

  sync(): Promise<void> {
    if (this.#running === null) {
      this.#running = this.#run();
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      this.#running = this.#run();
      return this.#running;
    });
    return this.#next;
  }

  /** The ports of a task that are really published, and why one is not. */
  statusOf(task: AssignedTask): { ports: AssignedTask['ports']; problem: string | null } {
    const problem = this.#problems.get(task.serviceId) ?? null;
    const inForce = this.#inForce.get(task.serviceId) ?? [];
    const isPublished = (port: AssignedTask['ports'][number]) =>
      inForce.some(({ protocol, publishedPort }) => protocol === port.protocol && publishedPort === port.publishedPort);
    return { ports: task.ports.filter((port) => port.mode === 'host' || isPublished(port)), problem };
  }

  async #run(): Promise<void> {
    try {
      await this.#bringUpToDate();
    } finally {
      this.#running = null;
    }
  }

  async #bringUpToDate(): Promise<void> {
    const { services, targets } = this.#observe();
    for (const [serviceId, publications] of planIngress([...services, ...this.#former, ...this.#inForce.keys()], targets)) {
      try {
        await this.#ensure(serviceId, publications);
        this.#former.delete(serviceId);
        if (this.#problems.delete(serviceId)) this.#logger.info({ serviceId }, 'published the ports of a service at last');
      } catch (error) {
        const problem = describeError(error);
        if (this.#problems.get(serviceId) !== problem) this.#logger.warn({ err: error, serviceId }, 'could not publish the ports of a service');
        this.#problems.set(serviceId, problem);
      }
    }
  }

  async #ensure(serviceId: ServiceId, publications: readonly IngressPublication[]): Promise<void> {
    if (JSON.stringify(this.#inForce.get(serviceId)) === JSON.stringify(publications)) return;
    const key = `ingress:${serviceId}`;
    if (publications.length === 0) {
      // Also when nothing is in force by our books: an agent before us may have published it.
      await this.#ports.release(key);
      this.#inForce.delete(serviceId);
      return;
    }
    await this.#ports.ensure(
      key,
      publications.map(({ protocol, publishedPort, targets }) => ({ hostIp: '0.0.0.0', protocol, hostPort: publishedPort, targets })),
    );
    this.#inForce.set(serviceId, publications);
  }
}

import { createHash } from 'node:crypto';
import { notFound, notModified, operational } from '@gantry/platform/errors';
import { type Container, type ContainerCondition, ContainerSpec, type CreateRequest } from '@gantry/runtime/containers';
import { createEvents } from '@gantry/runtime/events';
import type { Image } from '@gantry/runtime/images';
import type { PortRequest, PublishedPort } from '@gantry/runtime/networks';
import type { ReconcilerOptions } from './reconciler.ts';

type ReconciledRuntime = ReconcilerOptions['runtime'];

const neverRan: ContainerCondition = { status: 'created', pid: 0, exitCode: 0, oomKilled: false, error: '', startedAt: null, finishedAt: null, health: null };

/** The part of the runtime that the reconciler uses, in memory, with everything it did in `calls`. */
export class FakeNode {
  readonly calls: string[] = [];
  readonly events = createEvents();
  readonly published = new Map<string, readonly PortRequest[]>();
  readonly localImages = new Set<string>();
  /** image → what its pull waits for, or fails with. */
  readonly registry = new Map<string, Promise<void>>();
  startFailure: string | null = null;
  takenPort: number | null = null;
  readonly #containers = new Map<string, Container>();

  readonly runtime: ReconciledRuntime;

  constructor() {
    // The reconciler calls nothing but what is here; a call of anything else fails the test.
    const containers = {
      list: () => [...this.#containers.values()],
      find: (id: string) => this.#containers.get(id),
      create: async (request: CreateRequest) => ({ container: this.#create(request), warnings: [] }),
      start: async (id: string) => this.#start(id),
      stop: async (id: string) => this.#stop(id),
      remove: async (id: string) => this.#remove(id),
      async *logs() {
        yield { time: '', stream: 'stderr' as const, bytes: Buffer.from('out of luck\n') };
      },
    };
    const images = {
      // Only whether there is one matters here.
      find: (reference: string) => (this.localImages.has(reference) ? ({ id: reference } as Image) : undefined),
      pull: async (reference: string) => {
        this.calls.push(`pull ${reference}`);
        const pulled = this.registry.get(reference);
        if (pulled === undefined) throw notFound(`no such image: ${reference}`);
        await pulled;
        this.localImages.add(reference);
      },
    };
    const ports = {
      ensure: async (key: string, requests: readonly PortRequest[]) => {
        if (requests.some(({ hostPort }) => hostPort === this.takenPort)) throw operational('conflict', 'port is already allocated');
        this.published.set(key, requests);
        return requests as PublishedPort[];
      },
      release: async (key: string) => void this.published.delete(key),
      published: () => [],
    };
    this.runtime = { containers, images, events: this.events, networks: { ports } } as unknown as ReconciledRuntime;
  }

  container(taskId: string): Container | undefined {
    return [...this.#containers.values()].find(({ spec }) => spec.labels['gantry.task.id'] === taskId);
  }

  /** The process ends by itself. */
  exit(id: string, exitCode: number): void {
    this.#become(id, 'die', { status: 'exited', exitCode, finishedAt: new Date().toISOString() });
  }

  #create(request: CreateRequest): Container {
    const name = request.name ?? '';
    this.calls.push(`create ${name}`);
    const id = createHash('sha256').update(name).digest('hex');
    const spec = ContainerSpec.parse(request.spec);
    const octet = this.#containers.size + 2;
    const created: Container = {
      id,
      name,
      spec,
      createdAt: new Date().toISOString(),
      state: neverRan,
      process: { stopTimeoutSeconds: spec.stopTimeoutSeconds ?? 10 } as Container['process'], // all that is read here
      networks: { bridge: { endpoint: { ipv4: `10.0.0.${octet}` } } as Container['networks'][string] }, // likewise
      imageId: spec.image,
      restartCount: 0,
      mounts: [],
      ports: [],
      paths: { log: '', hostname: '', hosts: '', resolvConf: '' },
      execIds: [],
    };
    this.#containers.set(id, created);
    return created;
  }

  #start(id: string): void {
    this.calls.push('start');
    if (this.startFailure !== null) {
      this.#change(id, { status: 'exited', exitCode: 127, error: this.startFailure });
      throw operational('failed', this.startFailure);
    }
    this.#become(id, 'start', { status: 'running', startedAt: new Date().toISOString(), exitCode: 0 });
  }

  #stop(id: string): void {
    this.calls.push('stop');
    if (this.#containers.get(id)?.state.status !== 'running') throw notModified('not running');
    this.exit(id, 143);
  }

  #remove(id: string): void {
    this.calls.push('remove');
    if (!this.#containers.delete(id)) throw notFound(`no such container: ${id}`);
  }

  #change(id: string, change: Partial<ContainerCondition>): Container {
    const container = this.#containers.get(id);
    if (container === undefined) throw notFound(`no such container: ${id}`);
    this.#containers.set(id, { ...container, state: { ...container.state, ...change } });
    return container;
  }

  #become(id: string, action: string, change: Partial<ContainerCondition>): void {
    const container = this.#change(id, change);
    this.events.emit({ type: 'container', action, id, attributes: container.spec.labels });
  }
}

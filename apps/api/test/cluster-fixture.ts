import type { Service, Task } from '@gantry/contracts/http-api';
import { type SimulatedAgent, type SimulatedAgentOptions, startFleet } from '@gantry/testing/agent';
import type { PostgresServer } from '@gantry/testing/postgres';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { eventually, localSecret, startApi, startPostgres, type TestApi } from './api-fixture.ts';

type Fleet = Partial<Omit<Parameters<typeof startFleet>[0], 'serverUrl' | 'joinToken'>>;

/** An api and simulated agents, new for each test of the file, on the file's own Postgres. */
export class TestCluster {
  /** Whoever is pushed here is closed with the test. */
  readonly agents: SimulatedAgent[] = [];
  #api: TestApi | null = null;

  get api(): TestApi {
    if (this.#api === null) throw new Error('there is no cluster outside tests');
    return this.#api;
  }

  async open(postgres: PostgresServer, environment: Record<string, string>): Promise<void> {
    this.#api = await startApi(postgres, environment);
  }

  async close(): Promise<void> {
    for (const agent of this.agents.splice(0)) agent.close();
    await this.#api?.close();
    this.#api = null;
  }

  async join(count: number, fleet: Fleet = {}): Promise<SimulatedAgent[]> {
    const joined = await startFleet({ ...this.dial, ...fleet, count });
    this.agents.push(...joined);
    return joined;
  }

  /** What an agent needs to join. */
  get dial(): Pick<SimulatedAgentOptions, 'serverUrl' | 'joinToken'> {
    return { serverUrl: this.api.url, joinToken: localSecret };
  }

  /** Asks for the service until it is as it should be. */
  seen({ id }: Pick<Service, 'id'>, isMet: (service: Service) => boolean): Promise<Service> {
    return eventually(() => this.api.get<Service>(`/services/${id}`), isMet);
  }

  converged(service: Pick<Service, 'id'>, count: number): Promise<Service> {
    return this.seen(service, ({ status }) => status.state === 'converged' && status.runningTasks === count);
  }

  async tasksOf({ id }: Pick<Service, 'id'>): Promise<Task[]> {
    return (await this.api.get<{ items: Task[] }>(`/tasks?serviceId=${id}&limit=1000`)).items;
  }

  async runningOf(service: Pick<Service, 'id'>): Promise<Task[]> {
    return (await this.tasksOf(service)).filter((task) => task.desiredState === 'running' && task.status.state === 'running');
  }
}

/** At the top of a test file. */
export function openCluster(environment: Record<string, string> = {}): TestCluster {
  const cluster = new TestCluster();
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  beforeEach(() => cluster.open(postgres, environment));
  afterEach(() => cluster.close());
  afterAll(async () => {
    await postgres?.stop();
  });
  return cluster;
}

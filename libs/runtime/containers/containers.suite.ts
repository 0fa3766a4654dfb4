import { describe, expect, it } from 'vitest';
import type { ContainerStatus } from './container.ts';
import type { Containers } from './containers.ts';

export interface ContainersSubject {
  readonly containers: Containers;
  /** Has `sh` and `sleep`. */
  readonly image: string;
}

type State = Extract<ContainerStatus, 'created' | 'running' | 'paused' | 'exited'>;
const states: readonly State[] = ['created', 'running', 'paused', 'exited'];

/** How each state is reached from nothing. */
const reach: Readonly<Record<State, (containers: Containers, id: string) => Promise<void>>> = {
  created: async () => undefined,
  running: (containers, id) => containers.start(id),
  paused: async (containers, id) => {
    await containers.start(id);
    await containers.pause(id);
  },
  exited: async (containers, id) => {
    await containers.start(id);
    await containers.stop(id, { timeoutSeconds: 0 });
  },
};

type Act = (containers: Containers, id: string) => Promise<unknown>;
type Outcome = State | null | { readonly refused: string };

const isRefusal = (outcome: Outcome): outcome is { readonly refused: string } => outcome !== null && typeof outcome === 'object';

async function expectRefused(containers: Containers, id: string, act: Act, outcome: Outcome): Promise<void> {
  const before = containers.get(id).state;
  await expect(act(containers, id)).rejects.toMatchObject({ code: isRefusal(outcome) ? outcome.refused : '' });
  expect(containers.get(id).state).toEqual(before);
}

async function expectDone(containers: Containers, id: string, act: Act, outcome: Outcome): Promise<void> {
  const waiting = containers.wait(id, outcome === null ? 'removed' : 'not-running');
  await act(containers, id);
  if (outcome === null || outcome === 'exited') await waiting;
  expect(containers.find(id)?.state.status ?? null).toBe(outcome);
}

/** What each action answers in each state: the state it leads to (null: there is none any more), or the code of its refusal. */
const actions: Readonly<Record<string, { act: Act; outcomes: Readonly<Record<State, Outcome>> }>> = {
  start: {
    act: (containers, id) => containers.start(id),
    outcomes: { created: 'running', running: { refused: 'not-modified' }, paused: { refused: 'wrong-state' }, exited: 'running' },
  },
  stop: {
    act: (containers, id) => containers.stop(id, { timeoutSeconds: 0 }),
    outcomes: { created: { refused: 'not-modified' }, running: 'exited', paused: 'exited', exited: { refused: 'not-modified' } },
  },
  kill: {
    act: (containers, id) => containers.kill(id, 'SIGKILL'),
    outcomes: { created: { refused: 'wrong-state' }, running: 'exited', paused: 'exited', exited: { refused: 'wrong-state' } },
  },
  restart: {
    act: (containers, id) => containers.restart(id, { timeoutSeconds: 0 }),
    outcomes: { created: 'running', running: 'running', paused: 'running', exited: 'running' },
  },
  pause: {
    act: (containers, id) => containers.pause(id),
    outcomes: { created: { refused: 'conflict' }, running: 'paused', paused: { refused: 'conflict' }, exited: { refused: 'conflict' } },
  },
  unpause: {
    act: (containers, id) => containers.unpause(id),
    outcomes: { created: { refused: 'conflict' }, running: { refused: 'conflict' }, paused: 'running', exited: { refused: 'conflict' } },
  },
  exec: {
    act: (containers, id) => containers.execCreate(id, { cmd: ['true'] }),
    outcomes: { created: { refused: 'conflict' }, running: 'running', paused: { refused: 'conflict' }, exited: { refused: 'conflict' } },
  },
  rename: {
    act: (containers, id) => containers.rename(id, `renamed-${id.slice(0, 12)}`),
    outcomes: { created: 'created', running: 'running', paused: 'paused', exited: 'exited' },
  },
  remove: {
    act: (containers, id) => containers.remove(id),
    outcomes: { created: null, running: { refused: 'conflict' }, paused: { refused: 'conflict' }, exited: null },
  },
  'remove by force': {
    act: (containers, id) => containers.remove(id, { force: true }),
    outcomes: { created: null, running: null, paused: null, exited: null },
  },
};

/** What every keeper of containers must do: one machine of states, whose every transition is guarded. */
export function containersSuite(name: string, open: () => ContainersSubject): void {
  describe(`containers ${name}`, () => {
    describe.each(Object.entries(actions))('%s', (_name, { act, outcomes }) => {
      it.each(states)('of one that is %s', async (state) => {
        const { containers, image } = open();
        const { container } = await containers.create({ spec: { image, cmd: ['sleep', '1000'] } });
        const { id } = container;
        await reach[state](containers, id);
        await (isRefusal(outcomes[state]) ? expectRefused : expectDone)(containers, id, act, outcomes[state]);
        if (containers.find(id) !== undefined) await containers.remove(id, { force: true });
      });
    });

    it('has one holder for a name, which is free again when that is gone', async () => {
      const { containers, image } = open();
      const create = () => containers.create({ name: 'holder', spec: { image, cmd: ['true'] } });
      const results = await Promise.allSettled([create(), create(), create()]);
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'conflict' });
      await containers.remove('holder');
      await create();
      await containers.remove('holder');
    });

    it('names those that nobody names, all differently', async () => {
      const { containers, image } = open();
      const made = await Promise.all(Array.from({ length: 100 }, () => containers.create({ spec: { image, cmd: ['true'] } })));
      expect(new Set(made.map(({ container }) => container.name)).size).toBe(100);
      await Promise.all(made.map(({ container }) => containers.remove(container.id)));
      expect(containers.list()).toEqual([]);
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { normalise } from './normalise.ts';
import { runCli } from './run-cli.ts';

interface LoggedEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
}

const patienceMs = 60_000;

/** Everything `docker events` says from now on. */
export class EventLog {
  readonly #socket: string;
  readonly #child: ChildProcess;
  #text = '';

  constructor(socket: string) {
    this.#socket = socket;
    this.#child = spawn('docker', ['-H', `unix://${socket}`, 'events', '--format', '{{json .}}'], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('utf8');
    });
  }

  /** Returns when events are coming in. */
  open(): Promise<void> {
    return this.#untilMarked();
  }

  /** All events so far, those that are still on their way included; forgets them. */
  async take(): Promise<LoggedEvent[]> {
    await this.#untilMarked();
    const lines = this.#text.split('\n').filter((line) => line !== '' && !line.includes('event-log-mark-'));
    this.#text = '';
    return lines.map((line): LoggedEvent => JSON.parse(line));
  }

  close(): void {
    this.#child.kill();
  }

  /** Makes events of its own until one of them comes by. */
  async #untilMarked(): Promise<void> {
    const name = `event-log-mark-${randomBytes(4).toString('hex')}`;
    const seen = new RegExp(`"destroy".*${name}.*\\n`);
    const deadline = performance.now() + patienceMs;
    while (!seen.test(this.#text)) {
      if (performance.now() > deadline) throw new Error(`no events from ${this.#socket}; so far: ${this.#text.slice(-500)}`);
      await runCli(`docker volume create ${name} && docker volume rm ${name}`, { socket: this.#socket, directory: '/' });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Not those that only one of two engines tells: see buildObjects, failedCreate and volumeCreatedAgain in differences.ts. */
function comparable(events: readonly LoggedEvent[]): LoggedEvent[] {
  const named = new Set(events.filter(({ Type, Action }) => Type === 'image' && Action !== 'delete').map(({ Actor }) => Actor.ID));
  const creations = events.filter(({ Type, Action, Actor }) => Type === 'container' && Action === 'create' && !Actor.Attributes.image?.startsWith('sha256:'));
  const created = new Set(creations.map(({ Actor }) => Actor.ID));
  const volumes = new Set<string>();
  return events.filter(({ Type, Action, Actor }) => {
    if (Type === 'container' || Type === 'network') return created.has(Actor.Attributes.container ?? Actor.ID);
    if (Type === 'image') return named.has(Actor.ID);
    if (Type !== 'volume') return true;
    const isRepeated = Action === 'create' && volumes.has(Actor.ID);
    if (Action === 'create') volumes.add(Actor.ID);
    if (Action === 'destroy') volumes.delete(Actor.ID);
    return !isRepeated;
  });
}

/** What is told of each object, in order: things that go on side by side have no order among each other. */
export function comparableSequences(events: readonly LoggedEvent[]): string[] {
  const byObject = new Map<string, string[]>();
  for (const { Type, Action, Actor } of comparable(events)) {
    const { execID, container, exitCode, signal } = Actor.Attributes;
    const object = execID ?? container ?? Actor.ID;
    const values = [exitCode === undefined ? '' : ` exitCode=${exitCode}`, signal === undefined ? '' : ` signal=${signal}`].join('');
    byObject.set(object, [...(byObject.get(object) ?? []), normalise(`${Type} ${Action.trim()}${values}`)]);
  }
  return [...byObject.values()].map((sequence) => sequence.join('\n  '));
}

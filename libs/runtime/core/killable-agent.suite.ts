import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { AgentMethod } from './crash-agent.ts';
import type { RuntimeOptions } from './runtime.ts';

interface Answer {
  readonly ok: boolean;
  /** `killed`: it went before it answered. */
  readonly error?: string;
  readonly result?: string;
}

/** A runtime in a process of its own, which can be killed. The data directory must be free. */
export class KillableAgent {
  readonly #child: ChildProcess;
  readonly #answers = new Map<number, (answer: Answer) => void>();
  #nextId = 0;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when it has taken up what an earlier one left. */
  static async start({ logger: _logger, ...options }: RuntimeOptions, limits: { openFiles?: number } = {}): Promise<KillableAgent> {
    const limit = limits.openFiles === undefined ? '' : `ulimit -n ${limits.openFiles}; `;
    const program = [process.execPath, join(import.meta.dirname, 'crash-agent.ts'), JSON.stringify(options)];
    const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const agent = new KillableAgent(child);
    const ready = Promise.withResolvers<void>();
    child.once('exit', () => {
      ready.reject(new Error('the agent ended'));
      for (const answer of agent.#answers.values()) answer({ ok: false, error: 'killed' });
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, ready: isReady, ...answer } = JSON.parse(line);
      if (isReady === true) ready.resolve();
      else agent.#answers.get(id)?.(answer);
    });
    await ready.promise;
    return agent;
  }

  readonly call = (method: AgentMethod, ...args: unknown[]): Promise<Answer> => {
    const { promise, resolve } = Promise.withResolvers<Answer>();
    const id = this.#nextId++;
    this.#answers.set(id, resolve);
    this.#child.stdin?.write(`${JSON.stringify({ id, method, args })}\n`);
    return promise;
  };

  /** SIGKILL; does nothing to one that is gone. */
  readonly kill = async (): Promise<void> => {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  };
}

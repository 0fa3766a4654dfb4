import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AssignedTask, DeliveredPayload } from '@gantry/contracts/agent-link';
import { notFound, whileTrying } from '@gantry/platform/errors';

/** Of everything that one node's tasks use together. */
const mostBytes = 256 * 1024 * 1024;

interface PayloadMount {
  readonly type: 'bind';
  readonly source: string;
  readonly target: string;
  readonly readOnly: true;
}

/**
 * Secrets and configs of this node's tasks. They are files in memory (a tmpfs of the agent's own, never swapped out where the kernel can say
 * so), mounted when the first one comes, so that they outlive the agent and not the machine:
 *   delivered/PAYLOAD.NUMBER   as the control plane sent it
 *   tasks/TASK/INDEX           what one task's container sees, with the owner and mode it asked for
 * After each change of the assignments `retain` drops what no task that is to run needs.
 */
export class PayloadStore {
  readonly #directory: string;
  readonly #delivered: string;
  readonly #tasks: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#delivered = join(directory, 'delivered');
    this.#tasks = join(directory, 'tasks');
  }

  receive(payloads: readonly DeliveredPayload[]): void {
    if (payloads.length > 0) this.#ensureMounted();
    for (const { payloadId, number, data } of payloads) {
      const path = join(this.#delivered, `${payloadId}.${number}`);
      writeFileSync(`${path}.new`, Buffer.from(data, 'base64'), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    }
  }

  /** For the container of a task that is about to be made. */
  mountsOf(task: AssignedTask): PayloadMount[] {
    const directory = join(this.#tasks, task.taskId);
    return task.payloads.map(({ kind, name, payloadId, number, target, uid, gid, mode }, index) => {
      const source = join(directory, String(index));
      try {
        const content = readFileSync(join(this.#delivered, `${payloadId}.${number}`));
        mkdirSync(directory, { recursive: true, mode: 0o700 });
        rmSync(source, { force: true });
        writeFileSync(source, content, { mode: 0o600 });
        chownSync(source, uid, gid);
        chmodSync(source, mode);
      } catch (error) {
        if (isMissing(error)) throw notFound(`${kind} ${name} (version ${number}) was not delivered to this node`);
        throw whileTrying(`make ${kind} ${name} ready for task ${task.taskId}`, error);
      }
      return { type: 'bind', source, target, readOnly: true };
    });
  }

  retain(tasks: Iterable<AssignedTask>): void {
    if (!this.#isMounted()) return;
    const running = [...tasks].filter((task) => task.desiredState === 'running');
    const needed = new Set(running.flatMap((task) => task.payloads.map(({ payloadId, number }) => `${payloadId}.${number}`)));
    const users = new Set<string>(running.map((task) => task.taskId));
    // A container that is still ending keeps what it has mounted.
    for (const name of namesIn(this.#tasks)) if (!users.has(name)) rmSync(join(this.#tasks, name), { recursive: true });
    for (const name of namesIn(this.#delivered)) if (!needed.has(name)) rmSync(join(this.#delivered, name));
  }

  /** What tasks still need stays for the next agent. */
  close(): void {
    if (!this.#isMounted() || namesIn(this.#tasks).length + namesIn(this.#delivered).length > 0) return;
    execFileSync('umount', [this.#directory]);
    rmdirSync(this.#directory);
  }

  #isMounted(): boolean {
    try {
      return statSync(this.#directory).dev !== statSync(dirname(this.#directory)).dev;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  #ensureMounted(): void {
    if (!this.#isMounted()) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      const options = `size=${mostBytes},mode=0700,nosuid,nodev,noexec`;
      try {
        this.#mount(`${options},noswap`);
      } catch {
        // Before Linux 6.4 a tmpfs can not be kept out of swap.
        this.#mount(options);
      }
    }
    mkdirSync(this.#delivered, { recursive: true, mode: 0o700 });
    mkdirSync(this.#tasks, { recursive: true, mode: 0o700 });
  }

  #mount(options: string): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'gantry-payloads', this.#directory], { stdio: 'pipe' });
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

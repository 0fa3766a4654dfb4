import { LogLine } from '@gantry/contracts/http-api';
import type { TaskId } from '@gantry/contracts/ids';
import { streamPaths } from '../../../lib/paths.ts';
import { readLines } from './ndjson.ts';

export const tailLines = 1000;
const firstDelayMs = 500;
const longestDelayMs = 10_000;

export type LogStreamState = 'loading' | 'following' | 'ended' | 'lost';

interface FollowOptions {
  taskId: TaskId;
  signal: AbortSignal;
  /** Asked before each connection: the time of the last line that is known. */
  resumeAfter: () => string | undefined;
  onLine: (line: LogLine) => void;
  onState: (state: LogStreamState) => void;
}

/** Follows a task's log until its container ends or the signal says so; a broken connection is made again and goes on where it was. */
export async function followLog({ taskId, signal, resumeAfter, onLine, onState }: FollowOptions): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    const since = resumeAfter();
    try {
      const stream = await openLog(taskId, { follow: true, tail: tailLines, ...(since ? { since } : {}) }, signal);
      onState('following');
      failures = 0;
      for await (const text of readLines(stream)) onLine(LogLine.parse(JSON.parse(text)));
      onState('ended');
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!isBroken(error)) throw error;
      onState('lost');
      await delay(Math.random() * Math.min(longestDelayMs, firstDelayMs * 2 ** failures), signal);
    }
  }
}

/** Everything the node still has, as one text. */
export async function readWholeLog(taskId: TaskId): Promise<string> {
  const stream = await openLog(taskId, { follow: false, tail: 10_000 });
  let text = '';
  for await (const line of readLines(stream)) {
    const { at, line: content } = LogLine.parse(JSON.parse(line));
    text += `${at} ${content}\n`;
  }
  return text;
}

class LogRefused extends Error {
  override readonly name = 'LogRefused';
}

export function isRefused(error: unknown): error is LogRefused {
  return error instanceof LogRefused;
}

async function openLog(taskId: TaskId, query: Parameters<typeof streamPaths.taskLogs>[1], signal?: AbortSignal): Promise<ReadableStream<Uint8Array>> {
  const response = await fetch(streamPaths.taskLogs(taskId, query), signal ? { signal } : {});
  if (response.ok && response.body) return response.body;
  if (response.status >= 500) throw new TypeError(`the log of task ${taskId} was answered with status ${response.status}`);
  throw new LogRefused(await refusalText(response));
}

async function refusalText(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  if (typeof problem === 'object' && problem !== null && 'detail' in problem && typeof problem.detail === 'string') return problem.detail;
  return `the log was refused with status ${response.status}`;
}

/** fetch and its body fail with a TypeError when the connection does. */
function isBroken(error: unknown): boolean {
  return error instanceof TypeError;
}

function delay(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

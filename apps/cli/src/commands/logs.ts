import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { LogLine } from '@gantry/contracts/http-api';
import { operational } from '@gantry/platform/errors';
import { authorization, connect } from '../client.ts';
import { findTask } from './find-task.ts';

export interface LogOptions {
  readonly follow: boolean;
  readonly tail: string;
}

export async function showLogs(reference: string, { follow, tail }: LogOptions): Promise<void> {
  const { client, credentials } = await connect();
  const task = await findTask(client, reference);
  const query = new URLSearchParams({ follow: String(follow), tail });
  const url = new URL(`/api/v1/tasks/${task.id}/logs?${query}`, credentials.url);
  const response = await fetch(url, { headers: authorization(credentials) });
  if (!response.ok || response.body === null) throw operational('failed', `read the logs of ${task.id}: HTTP ${response.status} ${await response.text()}`);
  for await (const line of createInterface({ input: Readable.fromWeb(response.body) })) {
    const entry = LogLine.parse(JSON.parse(line));
    (entry.stream === 'stderr' ? process.stderr : process.stdout).write(`${entry.line}\n`);
  }
}

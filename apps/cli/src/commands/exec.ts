import { TerminalEnded } from '@gantry/contracts/http-api';
import { operational } from '@gantry/platform/errors';
import { authorization, connect } from '../client.ts';
import { findTask } from './find-task.ts';

const size = () => ({ height: process.stdout.rows ?? 24, width: process.stdout.columns ?? 80 });

function terminalUrl(base: string, taskId: string, command: readonly string[]): URL {
  const url = new URL(`/api/v1/tasks/${taskId}/terminal`, base);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.searchParams.set('height', String(size().height));
  url.searchParams.set('width', String(size().width));
  for (const word of command) url.searchParams.append('command', word);
  return url;
}

/** Node's WebSocket takes headers as an extension that the DOM's types do not know. */
function openSocket(url: URL, headers: Record<string, string>): WebSocket {
  const options = { headers } as unknown as string[];
  const socket = new WebSocket(url, options);
  socket.binaryType = 'arraybuffer';
  return socket;
}

/** A terminal in a task's container; ends with the command's exit code. */
export async function execIn(reference: string, command: readonly string[]): Promise<number> {
  const { client, credentials } = await connect();
  const task = await findTask(client, reference);
  const socket = openSocket(terminalUrl(credentials.url, task.id, command), authorization(credentials));
  const { stdin, stdout } = process;
  const onInput = (chunk: Buffer) => socket.send(new Uint8Array(chunk));
  const onResize = () => socket.send(JSON.stringify({ type: 'resize', ...size() }));
  try {
    return await new Promise<number>((resolve, reject) => {
      socket.onerror = () => reject(operational('failed', `open a terminal in ${task.id}`));
      socket.onclose = () => reject(operational('unavailable', `the terminal in ${task.id} was cut off`));
      socket.onopen = () => {
        if (stdin.isTTY) stdin.setRawMode(true);
        stdin.on('data', onInput).resume();
        stdout.on('resize', onResize);
      };
      socket.onmessage = ({ data }: { data: unknown }) => {
        if (data instanceof ArrayBuffer) stdout.write(new Uint8Array(data));
        else resolve(TerminalEnded.parse(JSON.parse(String(data))).exitCode ?? 1);
      };
    });
  } finally {
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.off('data', onInput).pause();
    stdout.off('resize', onResize);
    socket.close();
  }
}

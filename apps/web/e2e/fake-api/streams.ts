import type { IncomingMessage, ServerResponse } from 'node:http';
import { LogQuery, TerminalEnded, TerminalQuery, TerminalResize } from '@gantry/contracts/http-api';
import { TaskId } from '@gantry/contracts/ids';
import type { LiveEvent } from '@gantry/contracts/live';
import type { WebSocket } from 'ws';
import type { FakeCluster } from './cluster.ts';
import { FakeShell } from './shell.ts';

export function serveLive(cluster: FakeCluster, response: ServerResponse): void {
  const send = (event: LiveEvent) => response.write(`data: ${JSON.stringify(event)}\n\n`);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  send({ type: 'ready' });
  response.on('close', cluster.subscribe(send));
}

export function serveLog(cluster: FakeCluster, taskId: string, search: URLSearchParams, response: ServerResponse): void {
  const log = cluster.logOf(TaskId.parse(taskId));
  const { follow, tail, since } = LogQuery.parse(Object.fromEntries(search));
  const send = (line: unknown) => response.write(`${JSON.stringify(line)}\n`);
  response.writeHead(200, { 'content-type': 'application/x-ndjson' });
  for (const line of log.read(tail, since)) send(line);
  if (follow) response.on('close', log.follow({ onLine: send, onEnd: () => response.end() }));
  else response.end();
}

export function serveTerminal(cluster: FakeCluster, taskId: string, search: URLSearchParams, socket: WebSocket): void {
  const hostname = cluster.tasks.get(TaskId.parse(taskId))?.status.containerId?.slice(0, 12) ?? 'unknown';
  const shell = new FakeShell(
    {
      hostname,
      onOutput: (text) => socket.send(Buffer.from(text)),
      onEnd: (end) => {
        socket.send(JSON.stringify(TerminalEnded.parse(end)));
        socket.close();
      },
    },
    TerminalQuery.parse(Object.fromEntries(search)),
  );
  socket.on('message', (message: Buffer, isBinary) => {
    if (isBinary) shell.type(message.toString());
    else shell.resize(TerminalResize.parse(JSON.parse(message.toString())));
  });
}

export function streamOf(request: IncomingMessage): { kind: 'live' } | { kind: 'logs' | 'terminal'; taskId: string; search: URLSearchParams } | undefined {
  const url = new URL(request.url ?? '/', 'http://fake');
  if (url.pathname === '/api/v1/live') return { kind: 'live' };
  const match = /^\/api\/v1\/tasks\/(?<taskId>[0-9a-z]{25})\/(?<kind>logs|terminal)$/.exec(url.pathname)?.groups;
  if (!match?.taskId) return undefined;
  return { kind: match.kind === 'logs' ? 'logs' : 'terminal', taskId: match.taskId, search: url.searchParams };
}

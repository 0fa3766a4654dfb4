import type { Duplex } from 'node:stream';
import type { LogLine, LogQuery, TerminalQuery } from '@gantry/contracts/http-api';
import { NodeId, type TaskId } from '@gantry/contracts/ids';
import { notFound, wrongState } from '@gantry/platform/errors';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { EngineClient } from '../../dispatcher/engine-client.ts';
import { NodeConnections } from '../../dispatcher/node-connections.ts';
import { readLogLines } from './log-reader.ts';
import { taskMapper } from './task.mapper.ts';
import { TaskRepository } from './task.repository.ts';

const ExecCreated = z.object({ Id: z.string() });
const ExecState = z.object({ ExitCode: z.number().int().nullable(), Running: z.boolean() });
const defaultCommand = ['/bin/sh'];

/** A command in a task's container, on a terminal of its own. */
export interface Terminal {
  /** The terminal's bytes, both ways. */
  readonly stream: Duplex;
  resize(height: number, width: number): Promise<void>;
  /** Null when it can not be known. */
  exitCode(): Promise<number | null>;
}

interface TaskContainer {
  readonly engine: EngineClient;
  readonly containerId: string;
  readonly isTerminal: boolean;
}

/** Interactive work on a task, by way of its node's own engine. */
@Injectable()
export class TaskStreams {
  constructor(
    @Inject(TaskRepository) private readonly tasks: TaskRepository,
    @Inject(NodeConnections) private readonly connections: NodeConnections,
  ) {}

  async logs(taskId: TaskId, query: z.infer<typeof LogQuery>, signal: AbortSignal): Promise<AsyncGenerator<LogLine>> {
    const { engine, containerId, isTerminal } = await this.#find(taskId);
    const parameters = new URLSearchParams({ stdout: '1', stderr: '1', timestamps: '1', follow: query.follow ? '1' : '0', tail: String(query.tail) });
    if (query.since !== undefined) parameters.set('since', String(Date.parse(query.since) / 1_000));
    return readLogLines(await engine.stream({ method: 'GET', path: `/containers/${containerId}/logs?${parameters}`, signal }), isTerminal);
  }

  async openTerminal(taskId: TaskId, query: z.infer<typeof TerminalQuery>, signal: AbortSignal): Promise<Terminal> {
    const { engine, containerId } = await this.#find(taskId);
    const ConsoleSize = [query.height, query.width];
    const body = {
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      Tty: true,
      ConsoleSize,
      Env: ['TERM=xterm-256color'],
      Cmd: query.command ?? defaultCommand,
    };
    const { Id } = await engine.json(ExecCreated, { method: 'POST', path: `/containers/${containerId}/exec`, body, signal });
    const stream = await engine.hijack({ method: 'POST', path: `/exec/${Id}/start`, body: { Detach: false, Tty: true, ConsoleSize }, signal });
    return {
      stream,
      resize: async (height, width) => {
        const answer = await engine.stream({ method: 'POST', path: `/exec/${Id}/resize?h=${height}&w=${width}`, signal });
        answer.resume();
      },
      exitCode: async () => {
        const state = await engine.json(ExecState, { method: 'GET', path: `/exec/${Id}/json`, signal });
        return state.Running ? null : state.ExitCode;
      },
    };
  }

  async #find(taskId: TaskId): Promise<TaskContainer> {
    const row = await this.tasks.find(taskId);
    if (row === null) throw notFound(`there is no task ${taskId}`);
    const { nodeId, status, spec } = taskMapper()(row);
    if (nodeId === null || status.containerId === null)
      throw wrongState(`task ${taskId} has no container: it is ${status.state}${status.message === '' ? '' : `, ${status.message}`}`);
    return { engine: this.connections.engine(NodeId.parse(nodeId)), containerId: status.containerId, isTerminal: spec.tty };
  }
}

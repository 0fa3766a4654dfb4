import { Readable } from 'node:stream';
import { LogQuery } from '@gantry/contracts/http-api';
import { TaskId } from '@gantry/contracts/ids';
import { Controller, Get, Inject, Param, Query, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Guarded } from '../../http/operation.ts';
import { parseRequest } from '../../http/parse-request.ts';
import { TaskStreams } from './task-streams.ts';

const TaskPath = z.object({ taskId: TaskId });

@Controller('/api/v1/tasks')
export class TaskLogsController {
  constructor(@Inject(TaskStreams) private readonly streams: TaskStreams) {}

  /** NDJSON: the answer begins when the node has found the log, so that an error is a status and not a torn stream. */
  @Guarded('tasks.logs')
  @Get(':taskId/logs')
  async logs(@Param('taskId') id: string, @Query() query: unknown, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const { taskId } = parseRequest(TaskPath, { taskId: id });
    const gone = new AbortController();
    request.raw.socket.once('close', () => gone.abort());
    const lines = await this.streams.logs(taskId, parseRequest(LogQuery, query), gone.signal);
    const toText = async function* () {
      for await (const line of lines) yield `${JSON.stringify(line)}\n`;
    };
    void reply.header('content-type', 'application/x-ndjson').header('cache-control', 'no-store').header('x-accel-buffering', 'no');
    await reply.send(Readable.from(toText()));
  }
}

import { operational } from '@gantry/platform/errors';
import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Guarded } from '../http/operation.ts';
import { LiveClient } from './live-client.ts';
import { LiveFeed } from './live-feed.ts';

@Controller('/api/v1')
export class LiveController {
  constructor(@Inject(LiveFeed) private readonly feed: LiveFeed) {}

  @Guarded('live.follow')
  @Get('live')
  follow(@Res() reply: FastifyReply): void {
    if (!this.feed.isOpen) throw operational('unavailable', 'changes are not heard just now; try again in a moment');
    reply.hijack();
    this.feed.add(new LiveClient(reply.raw));
  }
}

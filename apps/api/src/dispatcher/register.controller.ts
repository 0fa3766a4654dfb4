import { RegisterRequest, type RegisterResponse } from '@gantry/contracts/agent-link';
import { GantryError } from '@gantry/platform/errors';
import { Body, Controller, HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Open } from '../http/operation.ts';
import { parseRequest } from '../http/parse-request.ts';
import { RateLimiter } from '../http/rate-limiter.ts';
import { Authenticator } from '../modules/account/authenticator.ts';
import { hashSecret } from '../modules/account/secret.ts';
import { AgentNodeRepository } from './agent-node.repository.ts';

/** A thousand hosts behind one address may join in a row; a guesser gets nowhere. */
const wrongTokens = { burst: 20, refillMs: 1_000 };

@Controller('/api/v1/agent')
export class RegisterController {
  readonly #wrong = new RateLimiter(wrongTokens);

  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(AgentNodeRepository) private readonly nodes: AgentNodeRepository,
  ) {}

  @Open()
  @Post('register')
  @HttpCode(200)
  async register(@Body() body: unknown, @Req() request: FastifyRequest): Promise<z.infer<typeof RegisterResponse>> {
    const { joinToken, publicKey, name } = parseRequest(RegisterRequest, body);
    if (!this.authenticator.isLocalSecret(joinToken) && !(await this.nodes.isJoinToken(hashSecret(joinToken)))) {
      this.#wrong.take(request.ip, Date.now());
      throw new GantryError('user', 'unauthorized', 'the join token is wrong or has expired');
    }
    return { nodeId: await this.nodes.register(new Uint8Array(Buffer.from(publicKey, 'base64')), name) };
  }
}

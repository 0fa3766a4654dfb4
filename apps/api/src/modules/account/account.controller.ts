import { httpApi } from '@gantry/contracts/http-api';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { Implement, implement } from '@orpc/nest';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../../config.ts';
import { type Caller, CurrentCaller } from '../../http/caller.ts';
import { Guarded } from '../../http/operation.ts';
import { AccountService, sessionLifetimeMs } from './account.service.ts';
import { sessionCookie } from './authenticator.ts';

const { account } = httpApi;

@Controller('/api/v1')
export class AccountController {
  constructor(
    @Inject(AccountService) private readonly accounts: AccountService,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @Guarded('account.signIn')
  @Implement(account.signIn)
  signIn(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return implement(account.signIn).handler(async ({ input }) => {
      const { account: signedIn, sessionSecret } = await this.accounts.signIn(input, request.ip);
      reply.setCookie(sessionCookie, sessionSecret, { ...this.#cookie(request), maxAge: sessionLifetimeMs / 1_000 });
      return signedIn;
    });
  }

  @Guarded('account.signOut')
  @Implement(account.signOut)
  signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    return implement(account.signOut).handler(async () => {
      await this.accounts.signOut(request.cookies[sessionCookie] ?? null);
      reply.clearCookie(sessionCookie, this.#cookie(request));
      return {};
    });
  }

  @Guarded('account.current')
  @Implement(account.current)
  current(@CurrentCaller() caller: Caller) {
    return implement(account.current).handler(() => this.accounts.describe(caller));
  }

  @Guarded('account.listTokens')
  @Implement(account.listTokens)
  listTokens(@CurrentCaller() caller: Caller) {
    return implement(account.listTokens).handler(() => this.accounts.listTokens(caller));
  }

  @Guarded('account.createToken')
  @Implement(account.createToken)
  createToken(@CurrentCaller() caller: Caller) {
    return implement(account.createToken).handler(({ input }) => this.accounts.createToken(caller, input));
  }

  @Guarded('account.deleteToken')
  @Implement(account.deleteToken)
  deleteToken(@CurrentCaller() caller: Caller) {
    return implement(account.deleteToken).handler(({ input }) => this.accounts.deleteToken(caller, input.id));
  }

  #cookie(request: FastifyRequest) {
    return { path: '/', httpOnly: true, sameSite: 'strict', secure: this.config.isBehindProxy && request.protocol === 'https' } as const;
  }
}

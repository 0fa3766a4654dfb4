import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type TerminalEnded, TerminalQuery, TerminalResize } from '@gantry/contracts/http-api';
import { TaskId } from '@gantry/contracts/ids';
import { describeError, GantryError } from '@gantry/platform/errors';
import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { type WebSocket, WebSocketServer } from 'ws';
import type { z } from 'zod';
import { checkAccess } from '../../http/access.guard.ts';
import { isForeignOrigin } from '../../http/origin.ts';
import { parseRequest } from '../../http/parse-request.ts';
import { LOGGER, type Logger } from '../../logger.ts';
import { Authenticator } from '../account/authenticator.ts';
import { TaskStreams, type Terminal } from './task-streams.ts';

const path = /^\/api\/v1\/tasks\/([^/]+)\/terminal$/;
const mostMessageBytes = 1024 * 1024;

function parseTarget(url: URL): { taskId: TaskId; query: z.infer<typeof TerminalQuery> } {
  const taskId = parseRequest(TaskId, path.exec(url.pathname)?.[1] ?? '');
  const command = url.searchParams.getAll('command');
  const { height, width } = Object.fromEntries(url.searchParams);
  return { taskId, query: parseRequest(TerminalQuery, { height, width, ...(command.length === 0 ? {} : { command }) }) };
}

/** Browser terminals: bytes of a WebSocket spliced to an exec's hijacked stream on the node. */
@Injectable()
export class TerminalGateway implements BeforeApplicationShutdown {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: mostMessageBytes, perMessageDeflate: false });

  constructor(
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(TaskStreams) private readonly streams: TaskStreams,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  matches(pathname: string): boolean {
    return path.test(pathname);
  }

  /** Throws, before the upgrade, whatever keeps the caller out. */
  async upgrade(request: IncomingMessage, url: URL, socket: Duplex, head: Buffer): Promise<void> {
    if (isForeignOrigin(request.headers)) throw new GantryError('user', 'forbidden', 'the request comes from another origin');
    checkAccess(await this.authenticator.authenticate(request.headers), 'tasks.terminal');
    const { taskId, query } = parseTarget(url);
    this.#server.handleUpgrade(request, socket, head, (browser) => {
      browser.on('error', () => undefined);
      void this.#serve(browser, taskId, query);
    });
  }

  beforeApplicationShutdown(): void {
    for (const browser of this.#server.clients) browser.close(1001);
    this.#server.close();
  }

  async #serve(browser: WebSocket, taskId: TaskId, query: z.infer<typeof TerminalQuery>): Promise<void> {
    const gone = new AbortController();
    browser.once('close', () => gone.abort());
    try {
      const terminal = await this.streams.openTerminal(taskId, query, gone.signal);
      this.#listenForResizes(browser, terminal);
      await this.#splice(browser, terminal.stream);
      const exitCode = await terminal.exitCode().catch(() => null);
      this.#end(browser, { type: 'ended', exitCode, reason: exitCode === null ? 'the connection to the node was lost' : 'the command ended' });
    } catch (error) {
      if (gone.signal.aborted) return;
      this.logger.info({ err: error, taskId }, 'a terminal ended early');
      this.#end(browser, { type: 'ended', exitCode: null, reason: describeError(error) });
    }
  }

  #listenForResizes(browser: WebSocket, terminal: Terminal): void {
    browser.on('message', (message: Buffer, isBinary) => {
      if (isBinary) return;
      const resize = TerminalResize.safeParse(toJson(message.toString()));
      if (resize.success)
        terminal.resize(resize.data.height, resize.data.width).catch((error: unknown) => this.logger.debug({ err: error }, 'resize a terminal'));
    });
  }

  /** Until the command's output ends or the browser goes. */
  async #splice(browser: WebSocket, terminal: Duplex): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    browser.on('message', (message: Buffer, isBinary) => {
      if (!isBinary || terminal.destroyed) return;
      // a paste that the node takes slowly holds the browser back
      if (!terminal.write(message)) {
        browser.pause();
        terminal.once('drain', () => browser.resume());
      }
    });
    browser.once('close', () => terminal.destroy());
    terminal.on('error', () => resolve());
    terminal.once('close', resolve);
    terminal.once('end', resolve);
    terminal.on('data', (chunk: Buffer) => {
      terminal.pause();
      browser.send(chunk, { binary: true }, () => terminal.resume());
    });
    await promise;
  }

  #end(browser: WebSocket, message: z.infer<typeof TerminalEnded>): void {
    if (browser.readyState !== browser.OPEN) return;
    browser.send(JSON.stringify(message), () => browser.close(1000));
  }
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

import { type IncomingMessage, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { GantryError, operational, whileTrying } from '@gantry/platform/errors';
import { z } from 'zod';

const EngineMessage = z.object({ message: z.string() });
const mostJsonBytes = 16 * 1024 * 1024;
const answerWithinMs = 30_000;

export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: object;
  readonly signal: AbortSignal;
}

type Dial = (signal: AbortSignal) => Promise<Duplex>;

async function readAll(answer: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > mostJsonBytes) throw operational('too-large', `the engine's answer is over ${mostJsonBytes} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

async function toError(answer: IncomingMessage): Promise<GantryError> {
  const text = (await readAll(answer)).toString();
  const parsed = EngineMessage.safeParse(safeJson(text));
  const message = parsed.success ? parsed.data.message : `the engine answered ${answer.statusCode}`;
  if (answer.statusCode === 404) return new GantryError('user', 'not-found', message);
  if (answer.statusCode === 409) return new GantryError('user', 'wrong-state', message);
  return operational('failed', message);
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Docker Engine API requests over connections made by `dial`, each on one of its own, as a tunnel's streams cost nothing to open. */
export class EngineClient {
  readonly #dial: Dial;

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  /** The answer as it streams in; the caller reads it to its end or destroys it. An answer of 400 or more is thrown. */
  async stream(options: EngineRequest): Promise<IncomingMessage> {
    const { answer } = await this.#send(options, {});
    if ((answer.statusCode ?? 500) >= 400) throw await toError(answer);
    return answer;
  }

  async json<T>(schema: z.ZodType<T>, options: EngineRequest): Promise<T> {
    const text = (await readAll(await this.stream(options))).toString();
    const parsed = schema.safeParse(safeJson(text === '' ? 'null' : text));
    if (!parsed.success) throw operational('failed', `read the engine's answer to ${options.method} ${options.path}`, { cause: parsed.error });
    return parsed.data;
  }

  /** Docker's hijack: after the 101 the connection is a raw byte stream both ways. */
  async hijack(options: EngineRequest): Promise<Duplex> {
    const { answer, upgraded } = await this.#send(options, { connection: 'Upgrade', upgrade: 'tcp' });
    if (upgraded !== null) return upgraded;
    throw await toError(answer);
  }

  async #send(options: EngineRequest, headers: Record<string, string>): Promise<{ answer: IncomingMessage; upgraded: Duplex | null }> {
    const { method, path, body, signal } = options;
    const trying = `ask the node's engine ${method} ${path.split('?')[0]}`;
    try {
      const connection = await this.#dial(AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]));
      const { promise, resolve, reject } = Promise.withResolvers<{ answer: IncomingMessage; upgraded: Duplex | null }>();
      const payload = body === undefined ? null : Buffer.from(JSON.stringify(body));
      const outgoing = request({
        method,
        path,
        createConnection: () => connection,
        headers: { host: 'engine', ...headers, ...(payload === null ? {} : { 'content-type': 'application/json', 'content-length': payload.length }) },
        signal,
      });
      const timer = setTimeout(() => outgoing.destroy(operational('timeout', 'the engine does not answer')), answerWithinMs);
      outgoing.on('error', reject);
      outgoing.on('response', (answer) => resolve({ answer, upgraded: null }));
      outgoing.on('upgrade', (answer, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve({ answer, upgraded: socket });
      });
      outgoing.end(payload ?? undefined);
      return await promise.finally(() => clearTimeout(timer));
    } catch (cause) {
      throw whileTrying(trying, cause);
    }
  }
}

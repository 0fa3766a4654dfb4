import type { IncomingMessage } from 'node:http';
import type { LogLine } from '@gantry/contracts/http-api';
import { MultiplexDecoder, outputStream } from '@gantry/engine-api/stream';
import { operational } from '@gantry/platform/errors';

/** A line without an end is cut here, so that nothing is held for ever. */
const longestLineBytes = 256 * 1024;

/** Cuts one output stream into lines of `TIME TEXT`, as the engine writes with timestamps=1. */
class LineCutter {
  readonly #stream: LogLine['stream'];
  #pending: Buffer = Buffer.alloc(0);

  constructor(stream: LogLine['stream']) {
    this.#stream = stream;
  }

  *push(chunk: Buffer): Generator<LogLine> {
    let buffer = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    for (let end = buffer.indexOf(10); end !== -1; end = buffer.indexOf(10)) {
      yield this.#toLine(buffer.subarray(0, end));
      buffer = buffer.subarray(end + 1);
    }
    if (buffer.length > longestLineBytes) {
      yield this.#toLine(buffer);
      buffer = Buffer.alloc(0);
    }
    this.#pending = Buffer.from(buffer);
  }

  *end(): Generator<LogLine> {
    if (this.#pending.length > 0) yield this.#toLine(this.#pending);
  }

  #toLine(bytes: Buffer): LogLine {
    const text = bytes.toString('utf8').replace(/\r$/, '');
    const space = text.indexOf(' ');
    const at = space === -1 ? text : text.slice(0, space);
    return { stream: this.#stream, at, line: space === -1 ? '' : text.slice(space + 1) };
  }
}

/** The engine's answer to `logs?timestamps=1` as lines. A terminal's output is one raw stream, any other's is multiplexed. */
export async function* readLogLines(answer: IncomingMessage, isTerminal: boolean): AsyncGenerator<LogLine> {
  const cutters = { stdout: new LineCutter('stdout'), stderr: new LineCutter('stderr') };
  const decoder = new MultiplexDecoder();
  try {
    for await (const chunk of answer) {
      const bytes: Buffer = chunk;
      if (isTerminal) {
        yield* cutters.stdout.push(bytes);
        continue;
      }
      for (const frame of decoder.push(bytes)) yield* cutters[frame.stream === outputStream.stderr ? 'stderr' : 'stdout'].push(frame.payload);
    }
  } catch (cause) {
    throw operational('unavailable', 'read the log from the node', { cause });
  }
  yield* cutters.stdout.end();
  yield* cutters.stderr.end();
}

import { TerminalEnded } from '@gantry/contracts/http-api';
import type { TaskId } from '@gantry/contracts/ids';
import { streamPaths } from '../../../lib/paths.ts';

export interface TerminalSize {
  height: number;
  width: number;
}

export type TerminalEnd = { kind: 'ended'; exitCode: number | null; reason: string } | { kind: 'lost' };

interface TerminalOptions {
  taskId: TaskId;
  size: TerminalSize;
  onOpen: () => void;
  onOutput: (bytes: Uint8Array) => void;
  onEnd: (end: TerminalEnd) => void;
}

/** One shell in a task's container: bytes as binary messages, everything else as JSON text. It ends once, however it ends. */
export class TerminalConnection {
  readonly #socket: WebSocket;
  readonly #encoder = new TextEncoder();
  #end: ((end: TerminalEnd) => void) | undefined;

  constructor({ taskId, size, onOpen, onOutput, onEnd }: TerminalOptions) {
    const url = new URL(streamPaths.taskTerminal(taskId, size), window.location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#end = onEnd;
    this.#socket = new WebSocket(url);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.onopen = onOpen;
    this.#socket.onclose = () => this.#finish({ kind: 'lost' });
    this.#socket.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data instanceof ArrayBuffer) onOutput(new Uint8Array(data));
      else if (typeof data === 'string') this.#receiveText(data);
    };
  }

  write(text: string): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(this.#encoder.encode(text));
  }

  resize({ height, width }: TerminalSize): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ type: 'resize', height, width }));
  }

  close(): void {
    this.#end = undefined;
    this.#socket.close();
  }

  #receiveText(text: string): void {
    const { exitCode, reason } = TerminalEnded.parse(JSON.parse(text));
    this.#finish({ kind: 'ended', exitCode, reason });
  }

  #finish(end: TerminalEnd): void {
    this.#end?.(end);
    this.#end = undefined;
  }
}

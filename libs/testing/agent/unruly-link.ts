import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket, WebSocketServer } from 'ws';

/** How often of a hundred frames. */
export interface Misbehaviour {
  readonly duplicated: number;
  readonly delayed: number;
  /** Towards the server alone: what comes to an agent is in order, as TCP brings it. */
  readonly swapped: number;
  /** Breaks the connection off in place of the frame. */
  readonly broken: number;
}

const longestDelayMs = 150;
const longestHoldMs = 300;

/** One direction of one connection: frames arrive in order but for those that are swapped with the next. */
class Direction {
  readonly #to: WebSocket;
  readonly #breakOff: () => void;
  readonly #isSwapping: boolean;
  readonly #link: UnrulyLink;
  #held: Buffer | null = null;
  #last: Promise<void> = Promise.resolve();

  constructor(options: { to: WebSocket; breakOff: () => void; isSwapping: boolean; link: UnrulyLink }) {
    this.#to = options.to;
    this.#breakOff = options.breakOff;
    this.#isSwapping = options.isSwapping;
    this.#link = options.link;
  }

  carry(frame: Buffer): void {
    this.#last = this.#last.then(() => this.#carryInTurn(frame));
  }

  async #carryInTurn(frame: Buffer): Promise<void> {
    const { misbehaviour, happens } = this.#link;
    if (happens(misbehaviour.broken)) return this.#breakOff();
    if (happens(misbehaviour.delayed)) await sleep(this.#link.random() * longestDelayMs);
    if (this.#isSwapping && this.#held === null && happens(misbehaviour.swapped)) {
      this.#held = frame;
      // the next one may be long in coming
      setTimeout(() => this.#letGo(), longestHoldMs);
      return;
    }
    this.#send(frame);
    if (happens(misbehaviour.duplicated)) this.#send(frame);
    this.#letGo();
  }

  #letGo(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#send(held);
  }

  #send(frame: Buffer): void {
    if (this.#to.readyState === WebSocket.OPEN) this.#to.send(frame);
  }
}

/** A proxy of agent links that carries their frames late, twice, in another order, or not at all. */
export class UnrulyLink {
  misbehaviour: Misbehaviour = { duplicated: 0, delayed: 0, swapped: 0, broken: 0 };
  /** How many connections it broke off. */
  breaks = 0;
  readonly #target: string;
  readonly #server: WebSocketServer;
  #seed: number;

  constructor({ target, seed }: { target: string; seed: number }) {
    this.#target = target.replace(/^http/, 'ws');
    this.#seed = seed;
    this.#server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
    this.#server.on('connection', (agent, request) => this.#join(agent, request.url ?? ''));
  }

  async listen(): Promise<string> {
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // it listens on TCP
  }

  async close(): Promise<void> {
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** 0 to 1, the same row of numbers for the same seed (mulberry32). */
  random(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  readonly happens = (percent: number): boolean => this.random() * 100 < percent;

  #join(agent: WebSocket, path: string): void {
    const server = new WebSocket(`${this.#target}${path}`, { perMessageDeflate: false });
    const breakOff = () => {
      this.breaks += 1;
      agent.terminate();
      server.terminate();
    };
    const up = new Direction({ to: server, breakOff, isSwapping: true, link: this });
    const down = new Direction({ to: agent, breakOff, isSwapping: false, link: this });
    agent.on('message', (frame: Buffer) => up.carry(frame));
    server.on('message', (frame: Buffer) => down.carry(frame));
    for (const [one, other] of [
      [agent, server],
      [server, agent],
    ] as const) {
      // the close that follows is where it is handled
      one.on('error', () => undefined);
      one.on('close', () => other.terminate());
    }
  }
}

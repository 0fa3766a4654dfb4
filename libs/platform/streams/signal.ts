/** What either end of an open stream tells the other, besides bytes. */
export type StreamSignal =
  | { readonly type: 'stream.credit'; readonly streamId: number; readonly bytes: number }
  | { readonly type: 'stream.end'; readonly streamId: number }
  | { readonly type: 'stream.reset'; readonly streamId: number; readonly reason: string };

export type OpenerSignal = StreamSignal | { readonly type: 'stream.open'; readonly streamId: number; readonly target: 'engine' };
export type AcceptorSignal = StreamSignal | { readonly type: 'stream.opened'; readonly streamId: number };

/** The connection below, as a stream sees it. */
export interface StreamCarrier<Signal = StreamSignal> {
  /** `sent` runs once the bytes have left this process; a stream never has more than one chunk waiting for it. */
  sendBytes(streamId: number, payload: Buffer, sent: () => void): void;
  sendSignal(signal: Signal): void;
}

export interface StreamLimits {
  /** What a sender may have in flight before its reader has renewed its credit. */
  readonly initialCreditBytes: number;
  readonly maxChunkBytes: number;
  readonly maxStreams: number;
}

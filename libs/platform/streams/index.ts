export { LinkStream } from './link-stream.ts';
export { StreamAcceptor, StreamOpener } from './multiplexer.ts';
export type { AcceptorSignal, OpenerSignal, StreamCarrier, StreamLimits, StreamSignal } from './signal.ts';
export { spliceStreams } from './splice.ts';

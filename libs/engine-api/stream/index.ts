export { DetachWatcher, parseDetachKeys } from './detach-keys.ts';
export { MultiplexDecoder, type MultiplexedFrame, multiplex, multiplexHeader, multiplexHeaderBytes, type OutputStream, outputStream } from './multiplex.ts';
export { encodeProgress, type ProgressMessage, progressBar, toErrorMessage } from './progress.ts';

export { encodeFrame, encodeHeader, type Frame, FrameDecoder, type FrameKind, frameHeaderBytes, frameKind, maxFramePayloadBytes } from './frame.ts';
export {
  ContainerLog,
  ContainerState,
  ContainerStats,
  ExecutorAnswer,
  ExecutorError,
  type ExecutorOperation,
  type ExecutorRequest,
  type ExecutorResult,
  ExitStatus,
  executorOperations,
  executorProtocol,
  NetworkAttachment,
  OverlayRootfs,
  PathStat,
  RootfsRef,
} from './server.ts';
export { ShimAnswer, ShimExited, ShimRequest } from './shim.ts';

export { TaskState, taskStates } from '../http-api/task.ts';
export {
  decodeLinkFrame,
  encodeControlFrame,
  encodeStreamFrame,
  initialStreamCreditBytes,
  type LinkFrame,
  maxControlBytes,
  maxStreamChunkBytes,
} from './frame.ts';
export { linkSignaturePayload, linkVersions, NodeFacts, RegisterRequest, RegisterResponse } from './identity.ts';
export {
  AssignedPayload,
  AssignedTask,
  Assignments,
  DeliveredPayload,
  TaskStatusReport,
  type ToAgent,
  ToAgentMessage,
  type ToServer,
  ToServerMessage,
} from './messages.ts';
export { type ReceivedFrame, receiveLinkFrame } from './receive.ts';

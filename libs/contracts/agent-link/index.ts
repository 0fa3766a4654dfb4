export { decodeLinkFrame, encodeControlFrame, encodeStreamFrame, initialStreamCreditBytes, type LinkFrame, maxControlBytes, maxStreamChunkBytes } from './frame.ts';
export { linkSignaturePayload, linkVersions, NodeFacts, RegisterRequest, RegisterResponse } from './identity.ts';
export { AssignedTask, Assignments, type ToAgent, ToAgentMessage, type ToServer, ToServerMessage, TaskStatusReport } from './messages.ts';

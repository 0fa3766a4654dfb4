export { type ComposeFault, type ParsedCompose, parseCompose } from './parse-compose.ts';
export { type BroughtPayload, detachPayloads } from './payloads.ts';

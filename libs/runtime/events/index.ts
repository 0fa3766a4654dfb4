export type { EventDraft, Events, EventType, RuntimeEvent } from './events.ts';
export { createEvents } from './ring-events.ts';

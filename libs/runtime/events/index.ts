export type { EventDraft, Events, EventType, RuntimeEvent } from './events.ts';

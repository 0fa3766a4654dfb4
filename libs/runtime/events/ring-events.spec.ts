import { eventsSuite } from './events.suite.ts';
import { createEvents } from './ring-events.ts';

eventsSuite('in a ring', createEvents);

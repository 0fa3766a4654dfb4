import type { Exchange } from '@gantry/engine-api/http';
import { EngineError, type Filters, hasLabel, parseFilters, parseTimestamp } from '@gantry/engine-api/protocol';
import type { EventMessage } from '@gantry/engine-api/types';
import type { RuntimeEvent } from '@gantry/runtime/events';
import { drained } from '../containers/process-pump.ts';
import type { Engine } from '../engine.ts';

const accepted = ['container', 'daemon', 'event', 'image', 'label', 'network', 'node', 'plugin', 'scope', 'secret', 'service', 'config', 'type', 'volume'];

export function toEventMessage(event: RuntimeEvent): EventMessage {
  const { type, action, id, attributes } = event;
  const isLegacy = type === 'container' || type === 'image';
  const from = type === 'container' ? attributes.image : undefined;
  return {
    ...(isLegacy ? { status: action, id } : {}),
    ...(from === undefined ? {} : { from }),
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    scope: 'local',
    time: Number(event.timeNs / 1_000_000_000n),
    timeNano: Number(event.timeNs),
  };
}

function namesSubject(event: RuntimeEvent, type: string, wanted: string): boolean {
  const { id, attributes } = event;
  if (event.type === type && (id.startsWith(wanted) || attributes.name === wanted.replace(/^\//, ''))) return true;
  // `image=x` also shows what happens to containers of that image.
  return type === 'image' && attributes.image === wanted;
}

export function matchesEvent(filters: Filters, event: RuntimeEvent): boolean {
  const [verb] = event.action.split(':');
  return (
    filters.some('type', (type) => type === event.type) &&
    filters.some('event', (action) => action === event.action || action === verb) &&
    filters.some('scope', (scope) => scope === 'local') &&
    filters.get('label').every((label) => hasLabel(event.attributes, label)) &&
    ['container', 'image', 'network', 'volume', 'daemon'].every((type) => filters.some(type, (wanted) => namesSubject(event, type, wanted))) &&
    !['node', 'plugin', 'secret', 'service', 'config'].some((type) => filters.has(type))
  );
}

function point(exchange: Exchange, name: string): bigint | undefined {
  const text = exchange.text(name);
  if (text === null) return undefined;
  const time = parseTimestamp(text, Date.now());
  if (time === null) throw new EngineError(400, `invalid value for "${name}": ${text}`);
  return time;
}

/** timeNano is past what a JSON number written by JavaScript can say exactly: its digits are put in as they are. */
function encode(event: RuntimeEvent): string {
  return `${JSON.stringify(toEventMessage(event)).replace(/"timeNano":\d+/, () => `"timeNano":${event.timeNs}`)}\n`;
}

/** GET /events */
export async function streamEvents(engine: Engine, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.text('filters'), accepted);
  const since = point(exchange, 'since');
  const until = point(exchange, 'until');
  if (since !== undefined && until !== undefined && since > until) throw new EngineError(400, '`since` time must be before `until` time');
  const events = engine.runtime.events.subscribe({
    signal: exchange.signal,
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  });
  const body = exchange.startStream('application/json');
  for await (const event of events) {
    if (exchange.signal.aborted) return;
    if (matchesEvent(filters, event)) body.write(encode(event));
    await drained(body);
  }
  body.end();
}

import type { Container } from '@gantry/runtime/containers';
import type { EventType } from '@gantry/runtime/events';
import type { Engine } from './engine.ts';

/** What a client does to a container without changing its state: attach, top, cp. */
export function emitContainerEvent(engine: Engine, container: Container, action: string, attributes: Readonly<Record<string, string>> = {}): void {
  engine.runtime.events.emit({
    type: 'container',
    action,
    id: container.id,
    attributes: { ...container.process.labels, ...attributes, image: container.spec.image, name: container.name },
  });
}

export function emitPrune(engine: Engine, type: EventType, reclaimedBytes: number): void {
  engine.runtime.events.emit({ type, action: 'prune', id: '', attributes: { reclaimed: String(reclaimedBytes) } });
}

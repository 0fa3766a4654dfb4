import { parseFilters } from '@gantry/engine-api/protocol';
import type { RuntimeEvent } from '@gantry/runtime/events';
import { describe, expect, it } from 'vitest';
import { matchesEvent, toEventMessage } from './events.ts';

const id = 'ab'.repeat(32);
const died: RuntimeEvent = {
  type: 'container',
  action: 'die',
  id,
  attributes: { name: 'web', image: 'nginx:1', tier: 'front', exitCode: '1' },
  timeNs: 1_700_000_000_123_456_789n,
};
const exec: RuntimeEvent = { ...died, action: 'exec_create: sh -c x' };
const connected: RuntimeEvent = {
  type: 'network',
  action: 'connect',
  id: 'cd'.repeat(32),
  attributes: { name: 'bridge', container: id, type: 'bridge' },
  timeNs: 1n,
};

const accepted = ['container', 'event', 'image', 'label', 'network', 'type', 'scope', 'service'];
const matches = (filters: object, event: RuntimeEvent) => matchesEvent(parseFilters(JSON.stringify(filters), accepted), event);

describe('matchesEvent', () => {
  it.each([
    [{}, died, true],
    [{ type: ['container'] }, died, true],
    [{ type: ['network'] }, died, false],
    [{ event: ['die', 'start'] }, died, true],
    [{ event: ['exec_create'] }, exec, true],
    [{ event: ['exec'] }, exec, false],
    [{ container: ['web'] }, died, true],
    [{ container: [id.slice(0, 12)] }, died, true],
    [{ container: ['other', 'web'] }, died, true],
    [{ container: ['other'] }, died, false],
    [{ container: [id] }, connected, false],
    [{ image: ['nginx:1'] }, died, true],
    [{ label: ['tier=front'] }, died, true],
    [{ label: ['tier=front', 'missing'] }, died, false],
    [{ type: ['container'], event: ['start'] }, died, false],
    [{ network: ['bridge'] }, connected, true],
    [{ scope: ['swarm'] }, died, false],
    [{ service: ['x'] }, died, false],
  ])('%j', (filters, event, expected) => expect(matches(filters, event)).toBe(expected));
});

describe('toEventMessage', () => {
  it('carries the old shape beside the new for containers', () => {
    expect(toEventMessage(died)).toMatchObject({
      status: 'die',
      id,
      from: 'nginx:1',
      Type: 'container',
      Action: 'die',
      Actor: { ID: id },
      scope: 'local',
      time: 1_700_000_000,
    });
  });
  it('has no old shape for networks', () => expect(toEventMessage(connected)).not.toHaveProperty('status'));
});

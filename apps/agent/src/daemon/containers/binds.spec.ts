import { describe, expect, it } from 'vitest';
import { formatBind, parseBind } from './binds.ts';

describe('parseBind', () => {
  it.each([
    ['/h:/c', { type: 'bind', source: '/h', target: '/c', readOnly: false, createSource: true }],
    ['/h:/c:ro', { readOnly: true }],
    ['/h:/c:ro,rshared', { readOnly: true, propagation: 'rshared' }],
    ['/h:/c:z', { readOnly: false }],
    ['data:/c', { type: 'volume', source: 'data', target: '/c', copyUp: true }],
    ['data:/c:nocopy', { copyUp: false }],
    ['/c', { type: 'volume', source: '', target: '/c' }],
  ])('%s', (spec, expected) => expect(parseBind(spec)).toMatchObject(expected));

  it.each([
    ['a:b:c:d', 'invalid volume specification'],
    ['/h:', 'invalid volume specification'],
    ['/h:c', 'mount path must be absolute'],
    ['/h:/', "destination can't be '/'"],
    ['/h:/c:rw,bogus', 'invalid mode'],
    ['../x:/c', 'includes invalid characters for a local volume name'],
  ])('%s is refused', (spec, message) => expect(() => parseBind(spec)).toThrow(message));
});

describe('formatBind', () => {
  it.each(['/h:/c', '/h:/c:ro', '/h:/c:ro,rshared', 'data:/c', 'data:/c:ro,nocopy'])('writes %s as it was read', (spec) =>
    expect(formatBind(parseBind(spec))).toBe(spec),
  );

  it('leaves what only --mount can say to Mounts', () => {
    expect(formatBind({ type: 'bind', source: '/h', target: '/c', readOnly: false, propagation: 'rprivate', createSource: false, recursive: true })).toBeNull();
    expect(formatBind({ type: 'tmpfs', target: '/t', readOnly: false, sizeBytes: 0, mode: 0o1777, options: [] })).toBeNull();
  });
});

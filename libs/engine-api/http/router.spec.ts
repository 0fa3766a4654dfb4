import { describe, expect, it } from 'vitest';
import { Router, splitVersion } from './router.ts';

const router = new Router([
  { method: 'GET', pattern: '/images/json', handle: 'list' },
  { method: 'GET', pattern: '/images/{name}/json', handle: 'inspect' },
  { method: 'POST', pattern: '/images/{name}/push', handle: 'push' },
  { method: 'DELETE', pattern: '/images/{name}', handle: 'remove' },
]);

describe('Router', () => {
  it.each([
    ['GET', '/images/json', 'list', undefined],
    ['GET', '/images/foo/bar:2/json', 'inspect', 'foo/bar:2'],
    ['POST', '/images/127.0.0.1:5000/x@sha256:ab/push', 'push', '127.0.0.1:5000/x@sha256:ab'],
    ['DELETE', '/images/a/b', 'remove', 'a/b'],
  ])('%s %s is %s', (method, path, handle, name) => {
    const match = router.match(method, path);
    expect(match?.handle).toBe(handle);
    expect(match?.params.name).toBe(name);
  });

  it.each([
    ['POST', '/images/json'],
    ['GET', '/imagesXjson'],
    ['GET', '/images//json/'],
  ])('%s %s is nothing', (method, path) => {
    expect(router.match(method, path)).toBeNull();
  });
});

describe('splitVersion', () => {
  it.each([
    ['/v1.41/containers/json', '1.41', '/containers/json'],
    ['/containers/json', null, '/containers/json'],
    ['/version', null, '/version'],
    ['/volumes/v1.2/x', null, '/volumes/v1.2/x'],
    ['/v1/x', '1', '/x'],
  ])('%s', (whole, prefix, path) => {
    expect(splitVersion(whole)).toEqual({ prefix, path });
  });
});

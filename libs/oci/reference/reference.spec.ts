import { expect, it } from 'vitest';
import { familiarReference, formatReference, parseReference, withDefaultTag } from './reference.ts';

const digest = `sha256:${'a'.repeat(64)}`;

it.each([
  ['busybox', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['user/app:1', 'docker.io/user/app:1', 'user/app:1'],
  ['index.docker.io/library/x', 'docker.io/library/x:latest', 'x:latest'],
  ['docker.io/x:y', 'docker.io/library/x:y', 'x:y'],
  ['localhost/x', 'localhost/x:latest', 'localhost/x:latest'],
  ['127.0.0.1:5000/a/b', '127.0.0.1:5000/a/b:latest', '127.0.0.1:5000/a/b:latest'],
  ['[::1]:5000/a', '[::1]:5000/a:latest', '[::1]:5000/a:latest'],
  ['Host/x', 'Host/x:latest', 'Host/x:latest'],
  [`ghcr.io/a/b@${digest}`, `ghcr.io/a/b@${digest}`, `ghcr.io/a/b@${digest}`],
  [`x:1@${digest}`, `docker.io/library/x:1@${digest}`, `x:1@${digest}`],
  ['a__b/c---d.e', 'docker.io/a__b/c---d.e:latest', 'a__b/c---d.e:latest'],
])('reads %s', (text, normalised, familiar) => {
  const formatted = formatReference(withDefaultTag(parseReference(text)));
  expect(formatted).toBe(normalised);
  expect(familiarReference(formatted)).toBe(familiar);
});

it.each([
  '',
  'UPPER',
  'a/UPPER',
  'x:',
  'x:-bad',
  'x@sha256:abc',
  'x@md5:aa',
  '-x',
  'a//b',
  'x y',
  'a/../b',
  '../x',
  'b'.repeat(64).replaceAll('b', 'a'),
  `a/${'b'.repeat(300)}`,
  'host:port/x',
])('refuses %j', (text) => {
  expect(() => parseReference(text)).toThrow('invalid reference format');
});

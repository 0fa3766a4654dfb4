import { expect, it } from 'vitest';
import { parseChallenge } from './challenge.ts';

it.each([
  [
    'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull,push"',
    { scheme: 'bearer', realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:library/x:pull,push' },
  ],
  ['Basic realm="Registry Realm"', { scheme: 'basic' }],
  ['Basic realm=x, Bearer realm="https://a/t"', { scheme: 'bearer', realm: 'https://a/t', service: null, scope: null }],
  ['bearer  realm = "https://a/\\"t" ', { scheme: 'bearer', realm: 'https://a/"t', service: null, scope: null }],
  ['Negotiate', null],
  ['', null],
])('reads %s', (header, challenge) => {
  expect(parseChallenge(header)).toEqual(challenge);
});

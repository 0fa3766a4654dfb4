import { expect, it } from 'vitest';
import { resolveUser } from './user.ts';

const passwd = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:100:App:/home/app:/bin/sh\nbig:x:4294967296:0::/:\n';
const group = 'root:x:0:\nusers:x:100:\naudio:x:29:app,root\nvideo:x:44:other\n';
const resolve = (text: string, groupAdd: string[] = []) => resolveUser(text, passwd, group, groupAdd);

it.each([
  ['', { uid: 0, gid: 0, additionalGids: [0, 29], home: '/root' }],
  ['app', { uid: 1000, gid: 100, additionalGids: [100, 29], home: '/home/app' }],
  ['1000', { uid: 1000, gid: 100, additionalGids: [100, 29], home: '/home/app' }],
  ['1234', { uid: 1234, gid: 0, additionalGids: [0], home: '/' }],
  ['app:video', { uid: 1000, gid: 44, additionalGids: [44], home: '/home/app' }],
  ['1234:4321', { uid: 1234, gid: 4321, additionalGids: [4321], home: '/' }],
])('%j', (text, expected) => {
  expect(resolve(text)).toEqual(expected);
});

it('adds groups by name and number', () => {
  expect(resolve('app', ['video', '7']).additionalGids).toEqual([100, 29, 44, 7]);
});

it.each(['ghost', 'app:ghosts', '4294967296', '99999999999999', 'big'])('refuses %j', (text) => {
  expect(() => resolve(text)).toThrow(/unable to find|in range/);
});

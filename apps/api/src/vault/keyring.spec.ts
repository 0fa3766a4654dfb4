import { expect, test } from 'vitest';
import { Keyring } from './keyring.ts';

const older = Keyring.make();
const newer = Keyring.make();

test('what was sealed opens, in its own place and under the right key alone', () => {
  const keys = Keyring.parse(older, 'here');
  const sealed = keys.seal(Buffer.from('swordfish'), 'secret a version 1');
  expect(Buffer.from(sealed.sealed).includes('swordfish')).toBe(false);
  expect(keys.open(sealed, 'secret a version 1').toString()).toBe('swordfish');
  expect(() => keys.open(sealed, 'secret a version 2')).toThrow('decrypt secret a version 2');
  expect(() => Keyring.parse(newer, 'here').open(sealed, 'secret a version 1')).toThrow(`is encrypted with key ${keys.firstId}`);
});

test('a changed byte is noticed', () => {
  const keys = Keyring.parse(older, 'here');
  const { keyId, sealed } = keys.seal(Buffer.from('swordfish'), 'x');
  for (const index of sealed.keys()) {
    const torn = sealed.map((byte, at) => (at === index ? byte ^ 1 : byte));
    expect(() => keys.open({ keyId, sealed: torn }, 'x')).toThrow('decrypt x');
  }
});

test('the first key encrypts, the others still decrypt', () => {
  const before = Keyring.parse(older, 'here');
  const after = Keyring.parse(`# since May\n${newer}\n${older}\n`, 'here');
  expect(after.open(before.seal(Buffer.from('kept'), 'x'), 'x').toString()).toBe('kept');
  expect(after.seal(Buffer.from('kept'), 'x').keyId).not.toBe(before.firstId);
  expect(after.has(before.firstId)).toBe(true);
});

test('no key, or half a one, is an error that says where', () => {
  expect(() => Keyring.parse('', 'the file')).toThrow('there is no key in the file');
  expect(() => Keyring.parse(`${older},c2hvcnQ=`, 'the file')).toThrow('key 2 in the file is not 32 bytes');
});

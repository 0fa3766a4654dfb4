import { expect, test } from 'vitest';
import { hashPassword, isPassword } from './password.ts';

test('only the password itself matches its hash', async () => {
  const hash = await hashPassword('correct horse');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(await isPassword('correct horse', hash)).toBe(true);
  expect(await isPassword('correct horsf', hash)).toBe(false);
});

test('two hashes of one password differ', async () => {
  expect(await hashPassword('a')).not.toBe(await hashPassword('a'));
});

test('a hash of another kind is an error, not a mismatch', async () => {
  await expect(isPassword('a', '$2b$10$abc')).rejects.toThrow('not argon2id');
});

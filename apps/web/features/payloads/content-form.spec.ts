import { expect, test } from 'vitest';
import { contentForm, fromBase64, toBase64 } from './content-form.ts';

const form = contentForm(8);
const messagesOf = (input: object) => form.safeParse({ name: 'a', text: '', file: null, ...input }).error?.issues.map((issue) => issue.message);

test('text and files go to base64, and text comes back', () => {
  expect(toBase64({ text: 'pässword\n', file: null })).toBe(Buffer.from('pässword\n').toString('base64'));
  const file = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256);
  expect(toBase64({ text: 'not this', file })).toBe(Buffer.from(file).toString('base64'));
  expect(fromBase64(Buffer.from('pässword\n').toString('base64'))).toBe('pässword\n');
});

test('what is no text is told apart', () => {
  expect(fromBase64(Buffer.from([0xff, 0xfe]).toString('base64'))).toBeNull();
  expect(fromBase64(Buffer.from('a\0b').toString('base64'))).toBeNull();
});

test('nothing, and too much, are told; bytes count, not characters', () => {
  expect(messagesOf({})).toEqual(['Enter what it holds, or choose a file']);
  expect(messagesOf({ text: 'ääääa' })).toEqual(['At most 8 B; this has 9 B']);
  expect(messagesOf({ text: 'ääää' })).toBeUndefined();
  expect(messagesOf({ name: 'a b', text: 'x' })).toHaveLength(1);
});

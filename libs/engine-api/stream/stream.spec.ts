import { describe, expect, it } from 'vitest';
import { DetachWatcher, encodeProgress, MultiplexDecoder, multiplex, parseDetachKeys, toErrorMessage } from './index.ts';

describe('multiplex', () => {
  it('writes the header Docker writes', () => {
    expect(multiplex(2, Buffer.from('hi\n')).toString('hex')).toBe('0200000000000003' + '68690a');
  });

  it('reads frames back, however they are cut', () => {
    const bytes = Buffer.concat([multiplex(1, Buffer.from('out')), multiplex(2, Buffer.alloc(0)), multiplex(2, Buffer.from('err'))]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const decoder = new MultiplexDecoder();
      const frames = [...decoder.push(bytes.subarray(0, cut)), ...decoder.push(bytes.subarray(cut))];
      expect(frames.map((frame) => [frame.stream, frame.payload.toString()])).toEqual([
        [1, 'out'],
        [2, ''],
        [2, 'err'],
      ]);
    }
  });

  it('refuses what is no frame', () => {
    expect(() => [...new MultiplexDecoder().push(Buffer.from('plain text'))]).toThrow(RangeError);
  });
});

describe('detach keys', () => {
  it.each([
    [null, [16, 17]],
    ['', [16, 17]],
    ['ctrl-a,d', [1, 100]],
    ['ctrl-@,ctrl-[,ctrl-_', [0, 27, 31]],
  ])('%s', (text, bytes) => expect([...parseDetachKeys(text)]).toEqual(bytes));

  it.each(['ctrl-', 'alt-x', 'ab', ',', 'ctrl-é'])('%s is refused', (text) => expect(() => parseDetachKeys(text)).toThrow('Invalid detach keys'));

  it('finds the sequence across chunks and passes everything else on', () => {
    const watcher = new DetachWatcher(parseDetachKeys(null));
    expect(watcher.push(Buffer.from('ls\x10'))).toEqual({ pass: Buffer.from('ls'), detached: false });
    expect(watcher.push(Buffer.from('x'))).toEqual({ pass: Buffer.from('\x10x'), detached: false });
    expect(watcher.push(Buffer.from('\x10\x10'))).toEqual({ pass: Buffer.from('\x10'), detached: false });
    expect(watcher.push(Buffer.from('\x11dropped'))).toEqual({ pass: Buffer.from(''), detached: true });
  });
});

describe('progress', () => {
  it('is one JSON object a line', () => expect(encodeProgress({ stream: 'a\n' })).toBe('{"stream":"a\\n"}\r\n'));
  it('spells an error twice', () => expect(toErrorMessage(new Error('boom'), 7)).toEqual({ error: 'boom', errorDetail: { code: 7, message: 'boom' } }));
});

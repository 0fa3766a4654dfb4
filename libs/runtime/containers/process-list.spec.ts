import { expect, it } from 'vitest';
import { parsePsArguments, toProcessList } from './process-list.ts';

const host = {
  nowMs: new Date(2026, 4, 20, 15, 30).getTime(),
  uptimeSeconds: 10_000,
  memoryBytes: 1024 ** 3,
  users: new Map([[0, 'root']]),
  groups: new Map([[0, 'root']]),
};
/** `tail -f` of pid 42, 100 s of CPU time in the 1000 s since its start, 1 MiB resident, on pts/3; with brackets in its name. */
const tail = {
  pid: 42,
  stat: `42 (ta)il) S 1 42 42 ${(136 << 8) | 3} 42 4194304 100 0 0 0 8000 2000 0 0 20 0 1 0 900000 2048000 256 0 0 0 0 0 0 0 0 0 0 0 0 0 17 1 0 0`,
  status: 'Name:\ttail\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n',
  cmdline: 'tail\0-f\0/a file\0',
};
const kernel = { ...tail, pid: 43, cmdline: '', status: 'Uid:\t1000\t1234\t0\t0\nGid:\t5\t6\t0\t0\n' };
const show = (psArguments: string) => toProcessList(parsePsArguments(psArguments), [tail, kernel], host);

it('shows what ps -ef shows', () => {
  expect(show('-ef')).toEqual({
    titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
    processes: [
      ['root', '42', '1', '10', '15:13', 'pts/3', '00:01:40', 'tail -f /a file'],
      ['1234', '43', '1', '10', '15:13', 'pts/3', '00:01:40', '[ta)il]'],
    ],
  });
});

it('shows what ps aux shows', () => {
  expect(show('aux')).toMatchObject({
    titles: ['USER', 'PID', '%CPU', '%MEM', 'VSZ', 'RSS', 'TTY', 'STAT', 'START', 'TIME', 'COMMAND'],
    processes: [['root', '42', '10.0', '0.1', '2000', '1024', 'pts/3', 'Ss+', '15:13', '1:40', 'tail -f /a file'], expect.anything()],
  });
});

it.each([
  ['-eo pid,comm', ['PID', 'COMMAND'], ['42', 'ta)il']],
  ['-o pid -o etime', ['PID', 'ELAPSED'], ['42', '16:40']],
  ['axo pid,user=WHO', ['PID', 'WHO'], ['42', 'root']],
  ['-A', ['PID', 'TTY', 'TIME', 'CMD'], ['42', 'pts/3', '00:01:40', 'ta)il']],
  ['ax', ['PID', 'TTY', 'STAT', 'TIME', 'COMMAND'], ['42', 'pts/3', 'Ss+', '1:40', 'tail -f /a file']],
])('%s chooses its columns', (psArguments, titles, first) => {
  expect(show(psArguments)).toMatchObject({ titles, processes: [first, expect.anything()] });
});

it.each([
  ['-o comm', "couldn't find PID field in ps output"],
  ['-o pid,nonsense', '"nonsense" is not a column'],
  ['-eL', 'option "-eL" is not known'],
  ['--forest', 'option "--forest" is not known'],
  ['-eo', '-o names no column'],
])('%s is refused with the reason', (psArguments, reason) => {
  expect(() => show(psArguments)).toThrow(reason);
});

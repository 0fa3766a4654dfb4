import { expect, it } from 'vitest';
import { filterProcesses, parseHostCpuNs } from './inspect-process.ts';

it('keeps the processes of the container, with spaces in their commands', () => {
  const output = 'UID PID PPID C STIME TTY TIME CMD\nroot 1 0 0 10:00 ? 00:00:00 init\nroot 42 1 0 10:00 ? 00:00:00 sh -c sleep 5\n';
  expect(filterProcesses(output, [42])).toEqual({
    titles: ['UID', 'PID', 'PPID', 'C', 'STIME', 'TTY', 'TIME', 'CMD'],
    processes: [['root', '42', '1', '0', '10:00', '?', '00:00:00', 'sh -c sleep 5']],
  });
  expect(() => filterProcesses('CMD\nsh', [1])).toThrow("couldn't find PID");
});

it('adds up the time of all processors', () => {
  expect(parseHostCpuNs('cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 9 9 9\n')).toBe(360_000_000);
});

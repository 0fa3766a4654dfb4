import { expect, test } from 'vitest';
import { isLoopback, joinCommands } from './join-command.ts';

test('the commands are those of the agent package and of the command line', () => {
  expect(joinCommands('https://gantry.example', 'join_abc')).toEqual({
    install: 'sudo ./install.sh https://gantry.example join_abc',
    tryOut: 'sudo bin/gantry join https://gantry.example join_abc',
  });
});

test.each([
  ['http://127.0.0.1:4400', true],
  ['http://localhost:4400', true],
  ['http://[::1]:4400', true],
  ['http://192.168.1.4:4400', false],
  ['https://localhost.example', false],
])('%s is loopback: %s', (url, expected) => {
  expect(isLoopback(url)).toBe(expected);
});

import { describe, expect, it } from 'vitest';
import { resolveProcess } from './resolve-process.ts';
import { parseSignal } from './signals.ts';
import { ContainerSpec, type ContainerSpecInput } from './spec.ts';

const image = {
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  Env: ['PATH=/bin', 'A=1', 'B=2'],
  WorkingDir: '/srv',
  User: 'app',
  StopSignal: 'SIGQUIT',
  Labels: { a: 'image', b: 'image' },
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/data': {} },
  Healthcheck: { Test: ['CMD', 'check'], Interval: 5_000_000_000, Retries: 2 },
};
const resolve = (input: Omit<ContainerSpecInput, 'image'>) => resolveProcess(ContainerSpec.parse({ image: 'x', ...input }), image, { stopTimeoutSeconds: 10 });

describe('command', () => {
  it.each([
    [{}, ['/entry', 'serve']],
    [{ cmd: ['other'] }, ['/entry', 'other']],
    [{ cmd: [] }, ['/entry', 'serve']],
    [{ entrypoint: ['/mine'] }, ['/mine']],
    [{ entrypoint: ['/mine'], cmd: ['x'] }, ['/mine', 'x']],
    [{ entrypoint: [''], cmd: ['sh'] }, ['sh']],
  ])('%j runs %j', (input, args) => {
    expect(resolve(input).args).toEqual(args);
  });

  it('refuses to run nothing', () => {
    expect(() => resolve({ entrypoint: [] })).toThrow('no command specified');
  });
});

it('merges the environment, labels, ports and volumes', () => {
  const { env, labels, exposedPorts, volumes } = resolve({
    env: ['A=9', 'B', 'C=3'],
    labels: { b: 'spec' },
    exposedPorts: ['443'],
    volumes: ['/logs'],
    hostConfig: { portBindings: { '53/udp': [{}] } },
  });
  expect(env).toEqual(['PATH=/bin', 'A=9', 'C=3']);
  expect(labels).toEqual({ a: 'image', b: 'spec' });
  expect(exposedPorts).toEqual(['80/tcp', '443/tcp', '53/udp']);
  expect(volumes).toEqual(['/data', '/logs']);
});

it('merges the health check field by field, and lets NONE switch it off', () => {
  expect(resolve({ healthcheck: { retries: 7 } }).healthcheck).toMatchObject({ test: ['CMD', 'check'], intervalMs: 5000, retries: 7 });
  expect(resolve({ healthcheck: { test: ['NONE'] } }).healthcheck).toBeNull();
});

it.each([
  ['', 9],
  ['TERM', 15],
  ['sigusr1', 10],
  ['3', 3],
  ['RTMIN+3', 37],
  ['SIGRTMAX-1', 63],
])('signal %j is %d', (text, number) => {
  expect(parseSignal(text)).toBe(number);
});

it.each(['0', '65', 'SIGFOO', 'RTMIN-1', '-1'])('refuses signal %j', (text) => {
  expect(() => parseSignal(text)).toThrow('invalid signal');
});

import { expect, test } from 'vitest';
import { formatBytes, formatCount, formatCpus, shortImage } from './format.ts';

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1 KiB'],
  [1536, '1.5 KiB'],
  [25_276_063_744, '23.5 GiB'],
  [5 * 1024 ** 6, '5120 PiB'],
])('%d bytes are %s', (bytes, expected) => {
  expect(formatBytes(bytes)).toBe(expected);
});

test.each([
  [2e9, '2'],
  [1.5e9, '1.5'],
  [0.25e9, '0.25'],
])('%d nano CPUs are %s', (nanoCpus, expected) => {
  expect(formatCpus(nanoCpus)).toBe(expected);
});

test('counts agree with their noun', () => {
  expect([formatCount(1, 'task'), formatCount(0, 'task'), formatCount(1200, 'task')]).toEqual(['1 task', '0 tasks', '1,200 tasks']);
});

test.each([
  ['docker.io/library/nginx:1.27', 'nginx:1.27'],
  ['docker.io/grafana/loki', 'grafana/loki'],
  [`sha256:${'0123456789ab'.padEnd(64, 'c')}`, '0123456789ab'],
  [`ghcr.io/a/b@sha256:${'0123456789ab'.padEnd(64, 'c')}`, 'ghcr.io/a/b@0123456789ab'],
])('image %s is shown as %s', (image, expected) => {
  expect(shortImage(image)).toBe(expected);
});

import { expect, test } from 'vitest';
import { toAddresses, toArchitecture, toCgroupVersion, toOperatingSystem } from './host-facts.ts';

test('the name of the operating system is what os-release calls pretty', () => {
  expect(toOperatingSystem('NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe('Debian GNU/Linux 12 (bookworm)');
  expect(toOperatingSystem("NAME='Tiny'")).toBe('Tiny');
  expect(toOperatingSystem('')).toBe('Linux');
});

test.each([
  ['cgroup2 /sys/fs/cgroup cgroup2 rw 0 0', 'v2'],
  ['cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0', 'v1'],
  ['cgroup /sys/fs/cgroup/memory cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0', 'hybrid'],
  ['proc /proc proc rw 0 0', 'none'],
])('cgroup version of %j', (mounts, version) => {
  expect(toCgroupVersion(mounts)).toBe(version);
});

test('addresses leave out loopback, link-local ones and what containers are plugged into', () => {
  const address = (text: string, internal = false) => ({ address: text, internal, netmask: '', family: 'IPv4' as const, mac: '', cidr: null });
  const interfaces = {
    lo: [address('127.0.0.1', true)],
    eth0: [address('192.0.2.7'), address('fe80::1')],
    gantry0: [address('10.201.0.1')],
    veth12: [address('10.0.0.9')],
  };
  expect(toAddresses(interfaces, ['gantry0'])).toEqual(['192.0.2.7']);
});

test('architectures have the names of uname', () => {
  expect([toArchitecture('x64'), toArchitecture('arm64'), toArchitecture('riscv64')]).toEqual(['x86_64', 'aarch64', 'riscv64']);
});

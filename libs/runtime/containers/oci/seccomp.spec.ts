import { expect, it } from 'vitest';
import { defaultCapabilities } from './capabilities.ts';
import { defaultSeccompProfile, parseSeccompProfile } from './seccomp.ts';

const allowed = (profile: ReturnType<typeof defaultSeccompProfile>) =>
  new Set(profile.syscalls.filter((rule) => rule.action === 'SCMP_ACT_ALLOW' && rule.args === undefined).flatMap((rule) => rule.names));

it('keeps dangerous calls from a default container and gives them with their capability', () => {
  const plain = allowed(defaultSeccompProfile(defaultCapabilities, 'amd64'));
  for (const name of [
    'mount',
    'unshare',
    'setns',
    'bpf',
    'keyctl',
    'add_key',
    'init_module',
    'kexec_load',
    'userfaultfd',
    'io_uring_setup',
    'clone',
    'clone3',
    'socket',
  ]) {
    expect(plain.has(name), name).toBe(false);
  }
  for (const name of ['read', 'execve', 'arch_prctl', 'chroot', 'futex_waitv', 'openat2']) expect(plain.has(name), name).toBe(true);
  const admin = allowed(defaultSeccompProfile([...defaultCapabilities, 'CAP_SYS_ADMIN'], 'amd64'));
  for (const name of ['mount', 'unshare', 'setns', 'clone', 'clone3']) expect(admin.has(name), name).toBe(true);
});

it('names no call twice among those always allowed', () => {
  const [first] = defaultSeccompProfile([], 'amd64').syscalls;
  expect(new Set(first?.names).size).toBe(first?.names.length);
});

it('decides the conditions of a profile in Docker format', () => {
  const json = JSON.stringify({
    defaultAction: 'SCMP_ACT_ERRNO',
    archMap: [{ architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] }],
    syscalls: [
      { names: ['read'], action: 'SCMP_ACT_ALLOW' },
      { names: ['mount'], action: 'SCMP_ACT_ALLOW', includes: { caps: ['CAP_SYS_ADMIN'] } },
      { names: ['breakpoint'], action: 'SCMP_ACT_ALLOW', includes: { arches: ['arm'] } },
      { name: 'clone', action: 'SCMP_ACT_ALLOW', args: null, excludes: { caps: ['CAP_SYS_ADMIN'] } },
    ],
  });
  const profile = parseSeccompProfile(json, [], 'amd64');
  expect(profile.architectures).toEqual(['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86']);
  expect(profile.syscalls.flatMap((rule) => rule.names)).toEqual(['read', 'clone']);
  expect(() => parseSeccompProfile('{', [], 'amd64')).toThrow('decoding seccomp profile failed');
});

import { invalid } from '@gantry/platform/errors';
import { z } from 'zod';
import { allowedByArchitecture, allowedByCapability, alwaysAllowed } from './seccomp-calls.ts';

interface SyscallRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; readonly op: string }[];
}

export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly syscalls: readonly SyscallRule[];
}

const architectures: Readonly<Record<string, readonly string[]>> = {
  amd64: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
  arm64: ['SCMP_ARCH_AARCH64', 'SCMP_ARCH_ARM'],
  arm: ['SCMP_ARCH_ARM'],
  386: ['SCMP_ARCH_X86'],
  ppc64le: ['SCMP_ARCH_PPC64LE'],
  riscv64: ['SCMP_ARCH_RISCV64'],
  s390x: ['SCMP_ARCH_S390X', 'SCMP_ARCH_S390'],
};

const EPERM = 1;
const ENOSYS = 38;
/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET */
const namespaceFlags = 0x7e020000;
/** Socket families that reach past the container: AF_ALG (CVE-2026-31431) and AF_VSOCK. */
const AF_ALG = 38;
const AF_VSOCK = 40;
/** PER_LINUX, PER_LINUX32, UNAME26, both, and the query. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const allow = (names: readonly string[], args?: SyscallRule['args']): SyscallRule => ({
  names,
  action: 'SCMP_ACT_ALLOW',
  ...(args === undefined ? {} : { args }),
});

/** The default profile for a container with these capabilities on this architecture (Go's names: amd64, arm64 …). */
export function defaultSeccompProfile(capabilities: readonly string[], architecture: string): SeccompProfile {
  const syscalls: SyscallRule[] = [
    allow(alwaysAllowed),
    allow(['socket'], [{ index: 0, value: AF_ALG, op: 'SCMP_CMP_LT' }]),
    allow(['socket'], [{ index: 0, value: AF_ALG + 1, op: 'SCMP_CMP_EQ' }]),
    allow(['socket'], [{ index: 0, value: AF_VSOCK, op: 'SCMP_CMP_GT' }]),
    ...personalities.map((value) => allow(['personality'], [{ index: 0, value, op: 'SCMP_CMP_EQ' }])),
  ];
  const own = allowedByArchitecture[architecture];
  if (own !== undefined) syscalls.push(allow(own));
  for (const [capability, names] of Object.entries(allowedByCapability)) if (capabilities.includes(capability)) syscalls.push(allow(names));
  if (!capabilities.includes('CAP_SYS_ADMIN')) {
    // Flags come second on s390. clone3 has its flags in memory, where a filter can not look: ENOSYS makes libraries use clone.
    const index = architecture === 's390x' ? 1 : 0;
    syscalls.push(allow(['clone'], [{ index, value: namespaceFlags, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]));
    syscalls.push({ names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS });
  }
  return { defaultAction: 'SCMP_ACT_ERRNO', defaultErrnoRet: EPERM, architectures: architectures[architecture] ?? [], syscalls };
}

const Conditions = z.object({ arches: z.array(z.string()).nullish(), caps: z.array(z.string()).nullish(), minKernel: z.string().nullish() });
const UserProfile = z.object({
  defaultAction: z.string(),
  defaultErrnoRet: z.number().optional(),
  architectures: z.array(z.string()).nullish(),
  archMap: z.array(z.object({ architecture: z.string(), subArchitectures: z.array(z.string()).nullish() })).nullish(),
  syscalls: z
    .array(
      z.object({
        name: z.string().optional(),
        names: z.array(z.string()).nullish(),
        action: z.string(),
        errnoRet: z.number().optional(),
        args: z.array(z.object({ index: z.number(), value: z.number(), valueTwo: z.number().optional(), op: z.string() })).nullish(),
        includes: Conditions.nullish(),
        excludes: Conditions.nullish(),
      }),
    )
    .nullish(),
});

type UserRule = NonNullable<z.infer<typeof UserProfile>['syscalls']>[number];

function isWanted({ includes, excludes }: UserRule, capabilities: readonly string[], architecture: string): boolean {
  return (
    (includes?.arches ?? [architecture]).includes(architecture) &&
    (includes?.caps ?? []).every((name) => capabilities.includes(name)) &&
    !(excludes?.arches ?? []).includes(architecture) &&
    !(excludes?.caps ?? []).some((name) => capabilities.includes(name))
  );
}

function toRule(rule: UserRule): SyscallRule {
  return {
    names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args == null ? {} : { args: rule.args.map(({ valueTwo, ...arg }) => ({ ...arg, ...(valueTwo === undefined ? {} : { valueTwo }) })) }),
  };
}

/** A profile in Docker's format (`--security-opt seccomp=FILE` sends its content): conditions are decided here, the rest is OCI's. */
export function parseSeccompProfile(json: string, capabilities: readonly string[], architecture: string): SeccompProfile {
  let profile: z.infer<typeof UserProfile>;
  try {
    profile = UserProfile.parse(JSON.parse(json));
  } catch (cause) {
    throw invalid('decoding seccomp profile failed', { cause });
  }
  const native = architectures[architecture] ?? [];
  const mapped = profile.archMap?.find((entry) => entry.architecture === native[0]);
  const fromMap = mapped === undefined ? native : [mapped.architecture, ...(mapped.subArchitectures ?? [])];
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: profile.architectures ?? fromMap,
    syscalls: (profile.syscalls ?? []).filter((rule) => isWanted(rule, capabilities, architecture)).map(toRule),
  };
}

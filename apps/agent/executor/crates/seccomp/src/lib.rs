//! Compiles an OCI seccomp profile to classic BPF.
//!
//! The program is a tree of comparisons over system call numbers (one per architecture), whose leaves return; a leaf may look at
//! arguments first. Calls newer than the profile get ENOSYS rather than the default action, because libc falls back to an older
//! call on ENOSYS and gives up on EPERM (as runc's stub does).
#![forbid(unsafe_code)]

mod arch;
mod arguments;
mod cache;
mod table;
mod tree;

pub use arch::Arch;
pub use cache::compile_cached;

use arguments::{ArgumentRule, compile_rules};
use oci::{Action, ConfigError, Seccomp};
use std::collections::BTreeMap;
use sys::InstallFilter;
use tree::{Segment, compile_tree};

const LOAD_WORD: u16 = 0x20;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_ALWAYS: u16 = 0x05;
const RETURN: u16 = 0x06;
const OFFSET_NUMBER: u32 = 0;
const OFFSET_ARCH: u32 = 4;
const ENOSYS: u32 = 38;
const EPERM: u32 = 1;
const KILL_PROCESS: u32 = 0x8000_0000;
/// BPF_MAXINSNS.
const MAX_INSTRUCTIONS: usize = 4096;

/// Names this very compiler: what it compiled is not taken for what a mended one would.
const COMPILER: u64 = {
    let mut sum = fingerprint(0, include_bytes!("lib.rs"));
    sum = fingerprint(sum, include_bytes!("arch.rs"));
    sum = fingerprint(sum, include_bytes!("arguments.rs"));
    sum = fingerprint(sum, include_bytes!("table.rs"));
    sum = fingerprint(sum, include_bytes!("tree.rs"));
    fingerprint(sum, include_bytes!("cache.rs"))
};

/// FNV-1a, 64 bits, carried on from `sum`.
const fn fingerprint(sum: u64, bytes: &[u8]) -> u64 {
    let mut sum = sum ^ 0xcbf2_9ce4_8422_2325;
    let mut index = 0;
    while index < bytes.len() {
        sum = (sum ^ bytes[index] as u64).wrapping_mul(0x0100_0000_01b3);
        index += 1;
    }
    sum
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub filter: Vec<InstallFilter>,
    /// SECCOMP_FILTER_FLAG_*.
    pub flags: u32,
}

/// Bit of [`Program::flags`] that makes the kernel hand out a notify descriptor.
pub const FLAG_NEW_LISTENER: u32 = 8;

pub(crate) fn statement(code: u16, k: u32) -> InstallFilter {
    InstallFilter { code, jt: 0, jf: 0, k }
}

pub(crate) fn jump(code: u16, k: u32, jt: u8, jf: u8) -> InstallFilter {
    InstallFilter { code, jt, jf, k }
}

fn return_value(action: Action, errno: Option<u32>) -> u32 {
    let errno = errno.unwrap_or(EPERM) & 0xffff;
    match action {
        Action::KillProcess => KILL_PROCESS,
        Action::KillThread => 0,
        Action::Trap => 0x0003_0000,
        Action::Errno => 0x0005_0000 | errno,
        Action::Notify => 0x7fc0_0000,
        Action::Trace => 0x7ff0_0000 | errno,
        Action::Log => 0x7ffc_0000,
        Action::Allow => 0x7fff_0000,
    }
}

/// What a profile says about one system call: argument rules in order, then the verdict if none matches.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Verdict {
    rules: Vec<ArgumentRule>,
    otherwise: Option<u32>,
}

pub fn compile(profile: &Seccomp) -> Result<Program, ConfigError> {
    let default = return_value(profile.default_action, profile.default_errno_ret);
    let arches = Arch::of_profile(profile)?;
    let flags = compile_flags(profile)?;
    let mut filter = vec![statement(LOAD_WORD, OFFSET_ARCH)];
    for audit in Arch::audit_values(&arches) {
        let mut section = vec![statement(LOAD_WORD, OFFSET_NUMBER)];
        section.extend(compile_tree(&segments(profile, &arches, audit, default)));
        filter.push(jump(JUMP_EQUAL, audit, 1, 0));
        filter.push(statement(JUMP_ALWAYS, section.len() as u32));
        filter.extend(section);
    }
    filter.push(statement(RETURN, KILL_PROCESS));
    if filter.len() > MAX_INSTRUCTIONS {
        return Err(ConfigError::invalid("linux.seccomp", format!("compiles to {} instructions, over {MAX_INSTRUCTIONS}", filter.len())));
    }
    Ok(Program { filter, flags })
}

fn compile_flags(profile: &Seccomp) -> Result<u32, ConfigError> {
    let mut flags = 0;
    for flag in &profile.flags {
        flags |= match flag.as_str() {
            // The filter is installed by a process with a single thread.
            "SECCOMP_FILTER_FLAG_TSYNC" => 0,
            "SECCOMP_FILTER_FLAG_LOG" => 2,
            "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => 4,
            "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" => 32,
            _ => return Err(ConfigError::unsupported("linux.seccomp.flags", format!("{flag:?} is not known"))),
        };
    }
    let notifies = profile.syscalls.iter().any(|rule| rule.action == Action::Notify);
    if profile.default_action == Action::Notify {
        return Err(ConfigError::invalid("linux.seccomp.defaultAction", "SCMP_ACT_NOTIFY cannot be the default"));
    }
    if notifies {
        if profile.listener_path.is_empty() {
            return Err(ConfigError::invalid("linux.seccomp.listenerPath", "is needed for SCMP_ACT_NOTIFY"));
        }
        if profile.syscalls.iter().any(|rule| rule.action == Action::Notify && rule.names.iter().any(|name| name == "write")) {
            return Err(ConfigError::invalid("linux.seccomp.syscalls", "SCMP_ACT_NOTIFY cannot be used for the write syscall"));
        }
        flags |= FLAG_NEW_LISTENER;
    }
    Ok(flags)
}

/// The whole number space of one kernel entry (x86_64 and x32 share one), cut where the verdict changes.
fn segments(profile: &Seccomp, arches: &[Arch], audit: u32, default: u32) -> Vec<Segment> {
    let mut segments = Vec::new();
    for arch in arches.iter().filter(|arch| arch.audit_value() == audit) {
        let base = arch.number_base();
        let verdicts = verdicts(profile, *arch, default);
        let mut next = base;
        for (number, verdict) in &verdicts {
            let number = base + u32::from(*number);
            if number > next {
                segments.push(Segment::returning(next, default));
            }
            segments.push(Segment { start: number, code: compile_rules(&verdict.rules, verdict.otherwise.unwrap_or(default)) });
            next = number + 1;
        }
        let beyond =
            if verdicts.is_empty() || !denies(profile.default_action) { default } else { return_value(Action::Errno, Some(ENOSYS)) };
        segments.push(Segment::returning(next, beyond));
    }
    segments.sort_by_key(|segment| segment.start);
    if audit == Arch::X86_64.audit_value() && !arches.contains(&Arch::X32) {
        segments.push(Segment::returning(Arch::X32.number_base(), KILL_PROCESS));
    }
    if segments.first().is_none_or(|segment| segment.start > 0) {
        segments.insert(0, Segment::returning(0, KILL_PROCESS));
    }
    segments.dedup_by(|later, earlier| later.code == earlier.code);
    segments
}

fn denies(action: Action) -> bool {
    matches!(action, Action::Errno | Action::KillProcess | Action::KillThread | Action::Trap)
}

fn verdicts(profile: &Seccomp, arch: Arch, default: u32) -> BTreeMap<u16, Verdict> {
    let mut verdicts: BTreeMap<u16, Verdict> = BTreeMap::new();
    for rule in &profile.syscalls {
        let value = return_value(rule.action, rule.errno_ret);
        for number in rule.names.iter().filter_map(|name| arch.number(name)) {
            let verdict = verdicts.entry(number).or_default();
            if rule.args.is_empty() {
                verdict.otherwise.get_or_insert(value);
            } else if value != default || verdict.otherwise.is_some() {
                verdict.rules.extend(ArgumentRule::split(&rule.args, value));
            }
        }
    }
    verdicts
}

#[cfg(test)]
mod tests;

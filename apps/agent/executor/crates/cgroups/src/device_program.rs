//! Device rules for cgroup v2: an eBPF program that the kernel asks at every open and mknod.

use crate::devices::{effective_rules, is_everything};
use crate::{Error, Result};
use oci::DeviceRule;
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use std::path::Path;
use sys::BpfInsn;

const TYPE: u8 = 2;
const ACCESS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;
const SCRATCH: u8 = 1;
const ALL_ACCESS: i32 = 7;

fn instruction(code: u8, target: u8, source: u8, offset: i16, immediate: i32) -> BpfInsn {
    BpfInsn { code, registers: target | source << 4, offset, immediate }
}

fn load_word(target: u8, offset: i16) -> BpfInsn {
    instruction(0x61, target, 1, offset, 0)
}

fn copy(target: u8, source: u8) -> BpfInsn {
    instruction(0xbf, target, source, 0, 0)
}

fn and(target: u8, bits: i32) -> BpfInsn {
    instruction(0x57, target, 0, 0, bits)
}

/// BPF_DEVCG_ACC_* bits.
fn access_bits(access: &str) -> i32 {
    access.chars().fold(0, |bits, letter| {
        bits | match letter {
            'm' => 1,
            'r' => 2,
            'w' => 4,
            _ => 0,
        }
    })
}

/// The rules in reverse: the last one that matches decides. A rule for everything ends the program, since the kernel's verifier refuses
/// code that cannot be reached; the first effective rule is one.
fn compile(rules: &[DeviceRule]) -> Vec<BpfInsn> {
    let mut program = vec![
        load_word(TYPE, 0),
        copy(ACCESS, TYPE),
        and(TYPE, 0xffff),
        instruction(0x77, ACCESS, 0, 0, 16),
        load_word(MAJOR, 4),
        load_word(MINOR, 8),
    ];
    for rule in effective_rules(rules).iter().rev() {
        program.extend(compile_rule(rule));
        if is_everything(rule) && access_bits(&rule.access) == ALL_ACCESS {
            break;
        }
    }
    program
}

fn verdict(allow: bool) -> [BpfInsn; 2] {
    [instruction(0xb7, 0, 0, 0, allow.into()), instruction(0x95, 0, 0, 0, 0)]
}

fn compile_rule(rule: &DeviceRule) -> Vec<BpfInsn> {
    // Conditions under which the rule does not apply; their jump offset is filled in when the length is known.
    const JUMP_IF_NOT: u8 = 0x55;
    const JUMP_IF: u8 = 0x15;
    let mut code = Vec::new();
    match rule.kind.as_str() {
        "b" => code.push(instruction(JUMP_IF_NOT, TYPE, 0, 0, 1)),
        "c" => code.push(instruction(JUMP_IF_NOT, TYPE, 0, 0, 2)),
        _ => {}
    }
    let access = access_bits(&rule.access);
    if access != ALL_ACCESS {
        code.push(copy(SCRATCH, ACCESS));
        if rule.allow {
            // Everything asked for must be in the rule.
            code.extend([and(SCRATCH, !access & ALL_ACCESS), instruction(JUMP_IF_NOT, SCRATCH, 0, 0, 0)]);
        } else {
            code.extend([and(SCRATCH, access), instruction(JUMP_IF, SCRATCH, 0, 0, 0)]);
        }
    }
    for (register, number) in [(MAJOR, rule.major), (MINOR, rule.minor)] {
        if let Some(number) = number.filter(|number| *number >= 0) {
            code.push(instruction(JUMP_IF_NOT, register, 0, 0, number as i32));
        }
    }
    code.extend(verdict(rule.allow));
    let length = code.len();
    for (at, step) in code.iter_mut().enumerate() {
        if matches!(step.code, JUMP_IF | JUMP_IF_NOT) {
            step.offset = (length - at - 1) as i16;
        }
    }
    code
}

/// In place of the rules that are there: until the old ones are gone both hold, so that nothing is allowed for a moment.
pub(crate) fn attach(path: &Path, rules: &[DeviceRule]) -> Result<()> {
    let failed = |source| Error::Devices { path: path.to_owned(), source };
    let program = sys::load_device_program(&compile(rules)).map_err(failed)?;
    let directory = rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
    let former = sys::device_programs(directory.as_fd()).map_err(failed)?;
    sys::attach_device_program(directory.as_fd(), program.as_fd()).map_err(failed)?;
    former.iter().try_for_each(|program| sys::detach_device_program(directory.as_fd(), program.as_fd())).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Interprets the program as the kernel would: the context is type and access, major, minor.
    fn allows(rules: &[DeviceRule], kind: u32, access: u32, major: u32, minor: u32) -> bool {
        let program = compile(rules);
        let context = [access << 16 | kind, major, minor];
        let mut registers = [0u64; 11];
        let mut at = 0usize;
        loop {
            let step = program[at];
            let (target, source) = ((step.registers & 15) as usize, (step.registers >> 4) as usize);
            at += 1;
            match step.code {
                0x61 => registers[target] = context[step.offset as usize / 4].into(),
                0xbf => registers[target] = registers[source],
                0xb7 => registers[target] = step.immediate as u64,
                0x57 => registers[target] &= step.immediate as u64,
                0x77 => registers[target] >>= step.immediate,
                0x15 if registers[target] == step.immediate as u64 => at += step.offset as usize,
                0x55 if registers[target] != step.immediate as u64 => at += step.offset as usize,
                0x15 | 0x55 => {}
                0x95 => return registers[0] == 1,
                code => panic!("instruction {code:#x}"),
            }
        }
    }

    #[test]
    fn denies_by_default_and_lets_the_last_match_decide() {
        let rule =
            |allow, kind: &str, major, minor, access: &str| DeviceRule { allow, kind: kind.into(), major, minor, access: access.into() };
        let none: [DeviceRule; 0] = [];
        assert!(allows(&none, 2, 6, 1, 3), "/dev/null");
        assert!(!allows(&none, 1, 2, 8, 0), "a disk");
        assert!(allows(&none, 1, 1, 8, 0), "mknod");
        let disk = [rule(true, "b", Some(8), Some(0), "r")];
        assert!(allows(&disk, 1, 2, 8, 0) && !allows(&disk, 1, 6, 8, 0) && !allows(&disk, 1, 2, 8, 1));
        let narrowed = [rule(true, "a", None, None, "rwm"), rule(false, "c", Some(10), Some(200), "w")];
        assert!(allows(&narrowed, 1, 7, 8, 0) && allows(&narrowed, 2, 2, 10, 200) && !allows(&narrowed, 2, 6, 10, 200));
    }

    #[test]
    fn the_kernel_verifies_it() {
        // Without CAP_BPF nothing can be said here; the integration tests run as root.
        if rustix::process::geteuid().is_root() {
            let everything = DeviceRule { allow: true, kind: "a".into(), major: None, minor: None, access: "rwm".into() };
            sys::load_device_program(&compile(&[])).unwrap();
            sys::load_device_program(&compile(&[everything])).unwrap();
        }
    }
}

//! Programs are judged by running them: a small interpreter of classic BPF stands in for the kernel.

use super::*;

struct Call {
    arch: u32,
    number: u32,
    args: [u64; 6],
}

fn run(program: &Program, call: &Call) -> u32 {
    let word = |offset: u32| match offset {
        0 => call.number,
        4 => call.arch,
        _ => {
            let argument = call.args[(offset as usize - 16) / 8];
            if offset % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 }
        }
    };
    let (mut at, mut accumulator) = (0, 0u32);
    loop {
        let step = program.filter[at];
        at += 1;
        let holds = match step.code {
            0x20 => {
                accumulator = word(step.k);
                continue;
            }
            0x54 => {
                accumulator &= step.k;
                continue;
            }
            0x05 => {
                at += step.k as usize;
                continue;
            }
            0x06 => return step.k,
            0x15 => accumulator == step.k,
            0x25 => accumulator > step.k,
            0x35 => accumulator >= step.k,
            code => panic!("instruction {code:#x}"),
        };
        at += usize::from(if holds { step.jt } else { step.jf });
    }
}

const ALLOW: u32 = 0x7fff_0000;
const DENY: u32 = 0x0005_0001;
const NO_SUCH_CALL: u32 = 0x0005_0026;

fn profile(json: &str) -> Program {
    let seccomp: Seccomp = serde_json::from_str(json).unwrap();
    compile(&seccomp).unwrap()
}

fn native(number: u16, args: [u64; 6]) -> Call {
    Call { arch: Arch::NATIVE.audit_value(), number: number.into(), args }
}

fn number(name: &str) -> u16 {
    Arch::NATIVE.number(name).unwrap()
}

#[test]
fn table_is_sorted_for_the_search() {
    assert!(table::SYSCALLS.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[test]
fn allows_what_is_listed_denies_the_rest_and_says_enosys_for_the_new() {
    let program = profile(
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","openat2","statx","no_such_call"],"action":"SCMP_ACT_ALLOW"}]}"#,
    );
    assert_eq!(run(&program, &native(number("read"), [0; 6])), ALLOW);
    assert_eq!(run(&program, &native(number("statx"), [0; 6])), ALLOW);
    assert_eq!(run(&program, &native(number("mount"), [0; 6])), DENY);
    assert_eq!(run(&program, &native(number("openat2") + 1, [0; 6])), NO_SUCH_CALL);
    assert_eq!(run(&program, &Call { arch: 0x1234, number: 0, args: [0; 6] }), KILL_PROCESS);
}

#[test]
#[cfg(target_arch = "x86_64")]
fn other_entries_of_the_kernel_are_closed_unless_listed() {
    let only_native = profile(r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"],"syscalls":[]}"#);
    assert_eq!(run(&only_native, &native(0, [0; 6])), ALLOW);
    assert_eq!(run(&only_native, &Call { arch: 0xC000_003E, number: 0x4000_0000, args: [0; 6] }), KILL_PROCESS);
    assert_eq!(run(&only_native, &Call { arch: 0x4000_0003, number: 3, args: [0; 6] }), KILL_PROCESS);
    let all = profile(
        r#"{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32"],
            "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#,
    );
    assert_eq!(run(&all, &Call { arch: 0x4000_0003, number: 3, args: [0; 6] }), ALLOW);
    assert_eq!(run(&all, &Call { arch: 0xC000_003E, number: 0x4000_0000, args: [0; 6] }), ALLOW);
    assert_eq!(run(&all, &Call { arch: 0xC000_003E, number: 3, args: [0; 6] }), NO_SUCH_CALL);
}

#[test]
fn compares_all_64_bits_with_every_operator() {
    const BIG: u64 = 0x1_0000_0005;
    type Case = (&'static str, u64, u64, fn(u64) -> bool);
    let cases: [Case; 8] = [
        ("SCMP_CMP_EQ", BIG, 0, |a| a == BIG),
        ("SCMP_CMP_NE", BIG, 0, |a| a != BIG),
        ("SCMP_CMP_LT", BIG, 0, |a| a < BIG),
        ("SCMP_CMP_LE", BIG, 0, |a| a <= BIG),
        ("SCMP_CMP_GT", BIG, 0, |a| a > BIG),
        ("SCMP_CMP_GE", BIG, 0, |a| a >= BIG),
        ("SCMP_CMP_MASKED_EQ", 0x1_0000_0001, 0x1_0000_0000, |a| a & 0x1_0000_0001 == 0x1_0000_0000),
        ("SCMP_CMP_MASKED_EQ", 0x7e02_0000, 0, |a| a & 0x7e02_0000 == 0),
    ];
    let values = [0, 1, 4, 5, 6, BIG - 1, BIG, BIG + 1, 0x2_0000_0000, 0x2_0000_0005, 0x0002_0000, 0x4000_0000, u64::MAX];
    for (operator, value, value_two, holds) in cases {
        let program = profile(&format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{{"names":["clone"],"action":"SCMP_ACT_ALLOW",
                "args":[{{"index":1,"value":{value},"valueTwo":{value_two},"op":"{operator}"}}]}}]}}"#
        ));
        for argument in values {
            let verdict = run(&program, &native(number("clone"), [9, argument, 9, 9, 9, 9]));
            assert_eq!(verdict == ALLOW, holds(argument), "{operator} {value:#x} of {argument:#x}");
        }
    }
}

#[test]
fn alternatives_on_one_argument_and_conjunctions_on_two() {
    let program = profile(
        r#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[
            {"names":["personality"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":0,"op":"SCMP_CMP_EQ"},{"index":0,"value":8,"op":"SCMP_CMP_EQ"}]},
            {"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":0,"value":2,"op":"SCMP_CMP_EQ"},{"index":1,"value":1,"op":"SCMP_CMP_EQ"}]}]}"#,
    );
    let personality = |value| run(&program, &native(number("personality"), [value, 0, 0, 0, 0, 0]));
    assert_eq!([personality(0), personality(8), personality(4)], [ALLOW, ALLOW, DENY]);
    let socket = |family, kind| run(&program, &native(number("socket"), [family, kind, 0, 0, 0, 0]));
    assert_eq!([socket(2, 1), socket(2, 3), socket(16, 1)], [ALLOW, DENY, DENY]);
}

#[test]
fn a_large_profile_stays_within_the_kernels_limit() {
    let names: Vec<String> = table::SYSCALLS.iter().step_by(2).map(|(name, _)| format!("\"{name}\"")).collect();
    let program = profile(&format!(
        r#"{{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64","SCMP_ARCH_X86","SCMP_ARCH_X32","SCMP_ARCH_AARCH64"],
            "syscalls":[{{"names":[{}],"action":"SCMP_ACT_ALLOW"}}]}}"#,
        names.join(",")
    ));
    for (at, (_, numbers)) in table::SYSCALLS.iter().enumerate() {
        let native_number = numbers[Arch::NATIVE as usize];
        if native_number >= 0 {
            let verdict = run(&program, &native(native_number as u16, [0; 6]));
            assert_eq!(verdict == ALLOW, at % 2 == 0, "{}", table::SYSCALLS[at].0);
        }
    }
}

#[test]
fn notify_needs_a_listener() {
    let seccomp: Seccomp =
        serde_json::from_str(r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mount"],"action":"SCMP_ACT_NOTIFY"}]}"#).unwrap();
    assert_eq!(compile(&seccomp).unwrap_err().field, "linux.seccomp.listenerPath");
}

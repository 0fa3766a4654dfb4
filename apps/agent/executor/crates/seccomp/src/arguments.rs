//! Comparisons of system call arguments: 64 bits, as two words.

use crate::{LOAD_WORD, RETURN, jump, statement};
use oci::{ArgRule, Operator};
use sys::InstallFilter;

const AND: u16 = 0x54;
const JUMP_EQUAL: u16 = 0x15;
const JUMP_GREATER: u16 = 0x25;
const JUMP_GREATER_OR_EQUAL: u16 = 0x35;
const OFFSET_ARGUMENTS: u32 = 16;

/// All comparisons must hold for `value` to be returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArgumentRule {
    comparisons: Vec<ArgRule>,
    value: u32,
}

impl ArgumentRule {
    /// Comparisons of different arguments are a conjunction; of one argument, alternatives (as runc reads profiles).
    pub(crate) fn split(args: &[ArgRule], value: u32) -> Vec<Self> {
        let repeats = args.iter().enumerate().any(|(at, arg)| args[..at].iter().any(|earlier| earlier.index == arg.index));
        if repeats {
            args.iter().map(|arg| Self { comparisons: vec![*arg], value }).collect()
        } else {
            vec![Self { comparisons: args.to_vec(), value }]
        }
    }
}

#[derive(Clone, Copy)]
enum Target {
    Next,
    Holds,
    Fails,
}

struct Step {
    code: u16,
    k: u32,
    targets: Option<(Target, Target)>,
}

fn load(offset: u32) -> Step {
    Step { code: LOAD_WORD, k: offset, targets: None }
}

fn mask(bits: u32) -> Step {
    Step { code: AND, k: bits, targets: None }
}

fn branch(code: u16, k: u32, yes: Target, no: Target) -> Step {
    Step { code, k, targets: Some((yes, no)) }
}

fn comparison(arg: &ArgRule) -> Vec<Step> {
    use Target::{Fails, Holds, Next};
    let low = load(OFFSET_ARGUMENTS + 8 * u32::from(arg.index));
    let high = load(OFFSET_ARGUMENTS + 8 * u32::from(arg.index) + 4);
    let words = |value: u64| ((value >> 32) as u32, value as u32);
    let (hi, lo) = words(arg.value);
    match arg.op {
        Operator::Equal => vec![high, branch(JUMP_EQUAL, hi, Next, Fails), low, branch(JUMP_EQUAL, lo, Next, Fails)],
        Operator::NotEqual => vec![high, branch(JUMP_EQUAL, hi, Next, Holds), low, branch(JUMP_EQUAL, lo, Fails, Next)],
        Operator::Greater | Operator::GreaterOrEqual => {
            let last = if arg.op == Operator::Greater { JUMP_GREATER } else { JUMP_GREATER_OR_EQUAL };
            vec![high, branch(JUMP_GREATER, hi, Holds, Next), branch(JUMP_EQUAL, hi, Next, Fails), low, branch(last, lo, Next, Fails)]
        }
        Operator::Less | Operator::LessOrEqual => {
            let last = if arg.op == Operator::Less { JUMP_GREATER_OR_EQUAL } else { JUMP_GREATER };
            vec![high, branch(JUMP_GREATER, hi, Fails, Next), branch(JUMP_EQUAL, hi, Next, Holds), low, branch(last, lo, Fails, Next)]
        }
        Operator::MaskedEqual => {
            let (want_hi, want_lo) = words(arg.value_two);
            vec![high, mask(hi), branch(JUMP_EQUAL, want_hi, Next, Fails), low, mask(lo), branch(JUMP_EQUAL, want_lo, Next, Fails)]
        }
    }
}

/// Code that tries the rules in order and returns; a rule is at most 6 comparisons of 6 steps, so every jump fits 8 bits.
pub(crate) fn compile_rules(rules: &[ArgumentRule], otherwise: u32) -> Vec<InstallFilter> {
    let mut code = Vec::new();
    for rule in rules {
        let comparisons: Vec<Vec<Step>> = rule.comparisons.iter().map(comparison).collect();
        let total: usize = comparisons.iter().map(Vec::len).sum();
        let mut at = 0;
        for steps in &comparisons {
            let end = at + steps.len();
            for step in steps {
                let offset = |target| match target {
                    Target::Next => 0,
                    Target::Holds => (end - at - 1) as u8,
                    Target::Fails => (total - at) as u8,
                };
                code.push(match step.targets {
                    None => statement(step.code, step.k),
                    Some((yes, no)) => jump(step.code, step.k, offset(yes), offset(no)),
                });
                at += 1;
            }
        }
        code.push(statement(RETURN, rule.value));
    }
    code.push(statement(RETURN, otherwise));
    code
}

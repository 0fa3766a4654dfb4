//! A balanced tree of comparisons over the loaded system call number.

use crate::{JUMP_ALWAYS, RETURN, jump, statement};
use sys::InstallFilter;

const JUMP_GREATER_OR_EQUAL: u16 = 0x35;

/// `code`, which returns, holds for numbers from `start` up to the next segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    pub start: u32,
    pub code: Vec<InstallFilter>,
}

impl Segment {
    pub(crate) fn returning(start: u32, value: u32) -> Self {
        Self { start, code: vec![statement(RETURN, value)] }
    }
}

pub(crate) fn compile_tree(segments: &[Segment]) -> Vec<InstallFilter> {
    if let [only] = segments {
        return only.code.clone();
    }
    let (lower, upper) = segments.split_at(segments.len() / 2);
    let (lower, pivot) = (compile_tree(lower), upper[0].start);
    let mut code = match u8::try_from(lower.len()) {
        Ok(distance) => vec![jump(JUMP_GREATER_OR_EQUAL, pivot, distance, 0)],
        Err(_) => vec![jump(JUMP_GREATER_OR_EQUAL, pivot, 0, 1), statement(JUMP_ALWAYS, lower.len() as u32)],
    };
    code.extend(lower);
    code.extend(compile_tree(upper));
    code
}

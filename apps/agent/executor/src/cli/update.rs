//! update: new limits for a running container.

use super::Global;
use super::arguments::{Arguments, unexpected};
use crate::container;
use crate::failure::{Attempt, Result};
use crate::state::StateDir;
use oci::{BlockIo, Cpu, Memory, Pids, Resources};
use std::io::Read;
use wire::{Code, Failure};

pub fn update(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let (mut file, mut resources) = (None, Resources::default());
    let (mut cpu, mut memory) = (Cpu::default(), Memory::default());
    let id = arguments.container_id_among(|arguments, option| {
        match option {
            "resources" | "r" => file = Some(arguments.value()?),
            "blkio-weight" => resources.block_io = Some(BlockIo { weight: Some(arguments.number()?), ..BlockIo::default() }),
            "cpu-period" => cpu.period = Some(arguments.number()?),
            "cpu-quota" => cpu.quota = Some(arguments.number()?),
            "cpu-burst" => cpu.burst = Some(arguments.number()?),
            "cpu-share" => cpu.shares = Some(arguments.number()?),
            "cpu-rt-period" => cpu.realtime_period = Some(arguments.number()?),
            "cpu-rt-runtime" => cpu.realtime_runtime = Some(arguments.number()?),
            "cpuset-cpus" => cpu.cpus = arguments.value()?,
            "cpuset-mems" => cpu.mems = arguments.value()?,
            "cpu-idle" => cpu.idle = Some(arguments.number()?),
            "memory" => memory.limit = Some(parse_bytes(&arguments.value()?)?),
            "memory-reservation" => memory.reservation = Some(parse_bytes(&arguments.value()?)?),
            "memory-swap" => memory.swap = Some(parse_bytes(&arguments.value()?)?),
            // Deprecated, and without effect since Linux 5.4.
            "kernel-memory" | "kernel-memory-tcp" => drop(arguments.value()?),
            "pids-limit" => resources.pids = Some(Pids { limit: Some(arguments.number()?) }),
            other => return Err(unexpected(other)),
        }
        Ok(())
    })?;
    (resources.cpu, resources.memory) = (Some(cpu), Some(memory));
    if let Some(file) = file {
        resources = Resources::parse(&read(&file)?)?;
    }
    let record = StateDir::open(&global.root, &id)?.read()?;
    for warning in container::update(&record, &resources)? {
        global.logger.warning(&warning);
    }
    Ok(())
}

/// `-` is stdin.
fn read(file: &str) -> Result<Vec<u8>> {
    if file != "-" {
        return std::fs::read(file).attempt(format!("open {file}"));
    }
    let mut json = Vec::new();
    std::io::stdin().read_to_end(&mut json).attempt("read resources from stdin")?;
    Ok(json)
}

/// A number of bytes with an optional binary suffix; -1 is unlimited.
fn parse_bytes(text: &str) -> Result<i64> {
    let invalid = || Failure::new(Code::Invalid, format!("{text:?} is not an amount of memory"));
    if text == "-1" {
        return Ok(-1);
    }
    let lower = text.to_ascii_lowercase();
    let number = lower.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let shift = match &lower[number.len()..] {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(invalid()),
    };
    let number: i64 = number.parse().map_err(|_| invalid())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes >= 0).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_memory() {
        for (text, bytes) in [("0", 0), ("512", 512), ("64k", 65536), ("1M", 1 << 20), ("2GiB", 2 << 30), ("-1", -1)] {
            assert_eq!(parse_bytes(text).unwrap(), bytes, "{text}");
        }
        for bad in ["", "m", "1x", "-2", "99999999999t", "1.5g"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }
}

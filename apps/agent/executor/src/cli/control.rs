//! kill, delete, pause, resume, serve.

use super::Global;
use super::arguments::{Arguments, unexpected};
use crate::container;
use crate::failure::Result;
use crate::state::{Record, StateDir};
use wire::{Code, Failure};

fn record_of(global: &Global, arguments: &mut Arguments) -> Result<Record> {
    if let Some(option) = arguments.next_option()? {
        return Err(unexpected(&option));
    }
    let id = arguments.container_id()?;
    arguments.finish()?;
    StateDir::open(&global.root, &id)?.read()
}

pub fn kill(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let mut all = false;
    let mut parse_options = |arguments: &mut Arguments| -> Result<()> {
        while let Some(option) = arguments.next_option()? {
            match option.as_str() {
                "all" | "a" => all = true,
                other => return Err(unexpected(other)),
            }
        }
        Ok(())
    };
    parse_options(arguments)?;
    let id = arguments.container_id()?;
    parse_options(arguments)?;
    let signal = arguments.next_word().unwrap_or_else(|| "TERM".into());
    arguments.finish()?;
    container::kill(&StateDir::open(&global.root, &id)?.read()?, parse_signal(&signal)?, all)
}

/// A number, or a name with or without SIG.
fn parse_signal(text: &str) -> Result<i32> {
    const NAMES: [&str; 31] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "STKFLT",
        "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
    ];
    let unknown = || Failure::new(Code::Invalid, format!("unknown signal {text:?}"));
    if let Ok(number) = text.parse() {
        return (0..=64).contains(&number).then_some(number).ok_or_else(unknown);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(index) = NAMES.iter().position(|known| *known == name) {
        return Ok(index as i32 + 1);
    }
    let realtime = |prefix: &str, base: i32, sign: i32| {
        let offset = name.strip_prefix(prefix)?.trim_start_matches(['+', '-']);
        let offset: i32 = if offset.is_empty() { 0 } else { offset.parse().ok()? };
        Some(base + sign * offset).filter(|number| (34..=64).contains(number))
    };
    realtime("RTMIN", 34, 1).or_else(|| realtime("RTMAX", 64, -1)).ok_or_else(unknown)
}

pub fn delete(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let mut force = false;
    let id = arguments.container_id_among(|_, option| match option {
        "force" | "f" => {
            force = true;
            Ok(())
        }
        other => Err(unexpected(other)),
    })?;
    container::delete(&global.root, &id, force)
}

pub fn pause(global: &Global, arguments: &mut Arguments) -> Result<()> {
    container::pause(&record_of(global, arguments)?)
}

pub fn resume(global: &Global, arguments: &mut Arguments) -> Result<()> {
    container::resume(&record_of(global, arguments)?)
}

pub fn serve(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let (mut root, mut socket, mut runtime) = (global.root.clone(), None, None);
    while let Some(option) = arguments.next_option()? {
        match option.as_str() {
            "root" => root = arguments.value()?.into(),
            "runtime" => runtime = Some(arguments.value()?),
            "socket" => socket = Some(std::path::PathBuf::from(arguments.value()?)),
            other => return Err(unexpected(other)),
        }
    }
    arguments.finish()?;
    let socket = socket.ok_or_else(|| Failure::new(Code::Invalid, "serve needs --socket"))?;
    crate::server::serve(&root, &socket, runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_number_and_name() {
        for (text, number) in [("9", 9), ("KILL", 9), ("sigterm", 15), ("SIGRTMIN+3", 37), ("RTMAX-1", 63), ("SIGSYS", 31)] {
            assert_eq!(parse_signal(text).unwrap(), number, "{text}");
        }
        for bad in ["", "SIG", "65", "-1", "NOPE", "RTMIN+99"] {
            assert!(parse_signal(bad).is_err(), "{bad}");
        }
    }
}

//! runc's command line, and `serve`.

use std::path::PathBuf;
use std::process::ExitCode;

pub fn run() -> ExitCode {
    match parse() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("gantry-executor: {message}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<(), String> {
    use lexopt::prelude::*;
    let (mut root, mut socket) = (PathBuf::from("/run/gantry"), None);
    let mut parser = lexopt::Parser::from_env();
    let mut command = None;
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("root") => root = parser.value().map_err(|error| error.to_string())?.into(),
            Long("socket") => socket = Some(PathBuf::from(parser.value().map_err(|error| error.to_string())?)),
            Value(value) if command.is_none() => command = Some(value),
            other => return Err(other.unexpected().to_string()),
        }
    }
    match command.as_ref().and_then(|command| command.to_str()) {
        Some("serve") => crate::server::serve(&root, &socket.ok_or("serve needs --socket")?).map_err(|failure| failure.to_string()),
        _ => Err("unknown command".into()),
    }
}

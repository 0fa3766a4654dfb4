//! `gantry-executor`: OCI runtime, shim, server, layer unpacker and container networking in one static binary. See README.md.
#![forbid(unsafe_code)]

mod channel;
mod cli;
mod clock;
mod container;
mod exit_record;
mod failure;
mod foreign;
mod hooks;
mod init;
mod launch;
mod oci_state;
mod plan;
mod process;
mod report;
mod sealed;
mod server;
mod shim;
mod state;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args_os().nth(1).as_deref().and_then(|role| role.to_str()) {
        Some("init") => init::run(),
        Some("shim") => shim::run(),
        _ => cli::run(),
    }
}

//! OCI hooks: programs with the container's state on stdin and a time limit.

use crate::failure::{Attempt, Result};
use oci::Hook;
use rustix::fs::MemfdFlags;
use rustix::process::Signal;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use wire::Failure;

const MAX_OUTPUT_BYTES: u64 = 4096;

/// Runs them in order; the first that fails ends it.
pub fn run_all(kind: &str, hooks: &[Hook], state_json: &str) -> Result<()> {
    hooks.iter().try_for_each(|hook| run(kind, hook, state_json))
}

fn run(kind: &str, hook: &Hook, state_json: &str) -> Result<()> {
    let what = format!("error running hook: {kind} {}", hook.path);
    let mut command = Command::new(&hook.path);
    if let Some((name, arguments)) = hook.args.split_first() {
        command.arg0(name).args(arguments);
    }
    command.env_clear();
    command.envs(hook.env.iter().filter_map(|entry| entry.split_once('=')));
    // A file, not a pipe: a hook that says much must not wait for us to read it while we wait for its end.
    let mut said = File::from(rustix::fs::memfd_create("stderr", MemfdFlags::CLOEXEC).attempt(&what)?);
    let stderr = said.try_clone().attempt(&what)?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(stderr).spawn().attempt(&what)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A hook may end without reading it.
        let _ = stdin.write_all(state_json.as_bytes());
    }
    let deadline = hook.timeout.map(|seconds| Instant::now() + Duration::from_secs(seconds.unsigned_abs()));
    let mut delay = Duration::from_micros(200);
    let status = loop {
        if let Some(status) = child.try_wait().attempt(&what)? {
            break status;
        }
        if deadline.is_some_and(|deadline| Instant::now() > deadline) {
            child.kill().attempt(&what)?;
            child.wait().attempt(&what)?;
            return Err(Failure::failed(format!("{what}: it did not end within {} s", hook.timeout.unwrap_or_default())));
        }
        std::thread::sleep(delay);
        delay = (delay * 2).min(Duration::from_millis(20));
    };
    if status.success() {
        return Ok(());
    }
    let mut output = Vec::new();
    said.rewind().attempt(&what)?;
    said.take(MAX_OUTPUT_BYTES).read_to_end(&mut output).attempt(&what)?;
    // runc's words, which its callers look for.
    let how = if status.signal() == Some(Signal::SYS.as_raw()) { "bad system call".into() } else { status.to_string() };
    Err(Failure::failed(format!("{what}: {how}, stderr: {}", String::from_utf8_lossy(&output).trim())))
}

//! `gantry-executor serve`: what the agent talks to. It holds nothing that is not also in the state directory, so it may end and be
//! started again at any moment.

mod containers;
mod create;
mod layers;
mod networks;
mod reaper;
mod session;
mod spare;
mod stats;
mod streams;

use crate::failure::{Attempt, Result};
use reaper::Reaper;
use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use spare::Spare;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Server {
    pub root: PathBuf,
    /// Of `serve --runtime`.
    pub runtime: Option<String>,
    /// The program that shims run: sealed once, used for all.
    pub sealed: OwnedFd,
    pub reaper: Reaper,
    pub spare: Spare,
}

/// Never returns but with an error.
pub fn serve(root: &Path, socket: &Path, runtime: Option<String>) -> Result<()> {
    rustix::process::umask(Mode::from_raw_mode(0o077));
    std::fs::create_dir_all(root).attempt(format!("create {}", root.display()))?;
    let root = root.canonicalize().attempt(format!("find {}", root.display()))?;
    let listener = listen(socket)?;
    let (sealed, reaper, spare) = (crate::sealed::sealed_image()?, Reaper::start()?, Spare::default());
    let server = Arc::new(Server { root, runtime, sealed, reaper, spare });
    server.spare.refill(&server.sealed);
    loop {
        let (stream, _) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors or memory: it passes.
                crate::report::say(format_args!("accept a connection: {error}"));
                std::thread::sleep(std::time::Duration::from_millis(10));
                continue;
            }
        };
        let server = Arc::clone(&server);
        let spawned = std::thread::Builder::new().name("connection".into()).spawn(move || session::serve(&server, stream));
        if let Err(error) = spawned {
            crate::report::say(format_args!("serve a connection: {error}"));
        }
    }
}

/// Replaces a socket that an earlier server left, without a moment at which there is none.
fn listen(socket: &Path) -> Result<UnixListener> {
    let fresh = socket.with_extension(format!("{}.new", std::process::id()));
    let what = format!("listen on {}", socket.display());
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error).attempt(what),
        _ => {}
    }
    let listener = UnixListener::bind(&fresh).attempt(&what)?;
    std::fs::rename(&fresh, socket).attempt(what)?;
    Ok(listener)
}

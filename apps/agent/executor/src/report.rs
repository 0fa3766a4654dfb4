//! Words for the log. Unlike `eprintln!` this never fails: the reader may be gone, or the disk full.

use std::io::Write;

pub fn say(message: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

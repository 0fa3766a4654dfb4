//! Finding the program and becoming it.

use super::{Never, attributes, credentials, warn};
use crate::channel::{Channel, FromInit};
use crate::failure::{Attempt, Result};
use crate::plan::{PRESERVED_FD, Plan};
use oci::Process;
use rustix::fd::AsFd;
use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::{CString, OsStr};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use wire::{Code, Failure};

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub struct Program {
    path: CString,
    argv: Vec<CString>,
    envp: Vec<CString>,
}

fn cstrings(values: impl IntoIterator<Item = String>) -> Result<Vec<CString>> {
    values
        .into_iter()
        .map(|value| CString::new(value).map_err(|_| Failure::new(Code::Invalid, "an argument contains a NUL byte")))
        .collect()
}

fn failure_of(errno: Errno, name: &str) -> Failure {
    let code = match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Code::CommandNotFound,
        Errno::ACCESS | Errno::PERM | Errno::ISDIR | Errno::NOEXEC => Code::PermissionDenied,
        Errno::NOMEM | Errno::AGAIN => Code::Failed,
        _ => Code::PermissionDenied,
    };
    let text = match errno {
        Errno::NOENT => "no such file or directory".to_owned(),
        Errno::ACCESS | Errno::PERM => "permission denied".to_owned(),
        Errno::ISDIR => "is a directory".to_owned(),
        Errno::NOEXEC => "exec format error".to_owned(),
        other => other.to_string(),
    };
    Failure::new(code, format!("exec: {name:?}: {text}"))
}

fn check_executable(path: &str) -> std::result::Result<(), Errno> {
    let stat = rustix::fs::stat(path)?;
    if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
        return Err(Errno::ISDIR);
    }
    rustix::fs::accessat(CWD, path, Access::EXEC_OK, AtFlags::EACCESS)
}

/// Looks the program up as the user that will run it, in that user's PATH.
pub fn find(process: &Process) -> Result<Program> {
    let Some(name) = process.args.first() else { return Err(oci::ConfigError::invalid("process.args", "is empty").into()) };
    let path = if name.contains('/') {
        check_executable(name).map_err(|errno| failure_of(errno, name))?;
        name.clone()
    } else {
        search_path(process, name)?
    };
    let argv = cstrings(process.args.iter().cloned())?;
    let envp = cstrings(environment(process))?;
    let path = CString::new(path).map_err(|_| Failure::new(Code::Invalid, "the program's name contains a NUL byte"))?;
    Ok(Program { path, argv, envp })
}

fn search_path(process: &Process, name: &str) -> Result<String> {
    let path = process.env.iter().rev().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or(DEFAULT_PATH);
    let mut denied = None;
    for directory in path.split(':') {
        let candidate = format!("{}/{name}", if directory.is_empty() { "." } else { directory });
        match check_executable(&candidate) {
            Ok(()) if candidate.starts_with('/') => return Ok(candidate),
            // As Go's exec package: a program found by way of a relative PATH entry is not run.
            Ok(()) | Err(Errno::NOENT | Errno::NOTDIR) => {}
            Err(errno) => denied = Some(errno),
        }
    }
    if let Some(errno) = denied {
        return Err(failure_of(errno, name));
    }
    Err(Failure::new(Code::CommandNotFound, format!("exec: {name:?}: executable file not found in $PATH")))
}

/// The configured environment, the last of two entries winning, with HOME from the container's passwd file if it is missing.
fn environment(process: &Process) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let key = |entry: &str| entry.split_once('=').map_or(entry, |(key, _)| key).to_owned();
    let mut entries: Vec<String> = process.env.iter().rev().filter(|entry| seen.insert(key(entry))).cloned().collect();
    entries.reverse();
    if !seen.contains("HOME") {
        entries.push(format!("HOME={}", home_of(process.user.uid).unwrap_or_else(|| "/".into())));
    }
    entries
}

/// Read with limits: the file is the image's.
fn home_of(uid: u32) -> Option<String> {
    const MAX_PASSWD_BYTES: u64 = 1 << 20;
    let fd = rustix::fs::open("/etc/passwd", OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()?;
    if FileType::from_raw_mode(rustix::fs::fstat(&fd).ok()?.st_mode) != FileType::RegularFile {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::from(fd).take(MAX_PASSWD_BYTES).read_to_end(&mut bytes).ok()?;
    bytes.split(|byte| *byte == b'\n').find_map(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let is_user = std::str::from_utf8(fields.get(2)?).ok()?.parse() == Ok(uid);
        let home = OsStr::from_bytes(fields.get(5)?).to_str()?;
        (is_user && !home.is_empty()).then(|| home.to_owned())
    })
}

/// No return but failure: descriptors, filter, capabilities, hooks, exec. As much as can be comes before the filter, which need not allow
/// it; hooks inside the container may do no more than its program.
pub fn execute(
    channel: &Channel,
    plan: &Plan,
    program: Program,
    run_hooks: impl FnOnce() -> Result<()>,
) -> std::result::Result<Never, Failure> {
    sys::reset_signals();
    sys::cloexec_from(3).attempt("close descriptors at exec")?;
    inherit(plan.preserve_fds)?;
    if plan.process.no_new_privileges {
        rustix::thread::set_no_new_privs(true).attempt("set no_new_privs")?;
        credentials::limit_capabilities(&plan.process)?;
    }
    if !plan.filter.is_empty() {
        install_filter(channel, plan)?;
    }
    if !plan.process.no_new_privileges {
        // Installing took CAP_SYS_ADMIN, which the program may not have.
        credentials::limit_capabilities(&plan.process)?;
    }
    run_hooks()?;
    let errno = sys::execve(&program.path, &program.argv, &program.envp);
    Err(failure_of(errno, &program.argv[0].to_string_lossy()))
}

/// Moves the preserved descriptors to 3 and on; our own that were in the way have been copied out of it.
fn inherit(count: i32) -> Result<()> {
    for at in 0..count {
        sys::renumber(PRESERVED_FD + at, 3 + at).attempt("pass on a descriptor")?;
    }
    Ok(())
}

fn install_filter(channel: &Channel, plan: &Plan) -> Result<()> {
    let listener = match sys::install_seccomp(&plan.filter, plan.seccomp_flags) {
        // A flag this kernel does not know is a flag it does without.
        Err(Errno::INVAL) if plan.seccomp_flags & !seccomp::FLAG_NEW_LISTENER != 0 => {
            warn(channel, "the kernel does not know one of the seccomp flags: all are ignored")?;
            sys::install_seccomp(&plan.filter, plan.seccomp_flags & seccomp::FLAG_NEW_LISTENER)
        }
        result => result,
    };
    if let Some(listener) = listener.attempt("install the seccomp filter")? {
        channel.send_with(&FromInit::SeccompListener, Some(listener.as_fd()))?;
    }
    Ok(())
}

/// For exec, whose attributes come after it has entered the container.
pub fn prepare(channel: &Channel, plan: &Plan) -> Result<Program> {
    attributes::apply(&plan.process, &oci::Linux::default(), channel)?;
    credentials::drop_to_user(&plan.process, plan.user_namespace)?;
    find(&plan.process)
}

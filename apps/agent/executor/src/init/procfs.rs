//! Writing to /proc without trusting what is mounted there (CVE-2025-52881): a private procfs instance, looked up beneath, never through
//! another mount or a magic link.

use crate::failure::{Attempt, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use std::collections::BTreeMap;
use wire::Failure;

const PROC_MAGIC: i64 = 0x9fa0;

pub struct Procfs(OwnedFd);

fn private_instance() -> std::result::Result<OwnedFd, rustix::io::Errno> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())
}

impl Procfs {
    pub fn open() -> Result<Self> {
        // In a user namespace with masked paths a new instance is refused; then /proc must prove what it is.
        let root = match private_instance() {
            Ok(root) => root,
            Err(_) => rustix::fs::open("/proc", OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
                .attempt("open /proc")?,
        };
        if rustix::fs::fstatfs(&root).attempt("look at /proc")?.f_type as i64 != PROC_MAGIC {
            return Err(Failure::failed("/proc is not a proc file system"));
        }
        Ok(Self(root))
    }

    fn open_file(&self, path: &str, flags: OFlags) -> Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
        let fd = openat2(&self.0, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve).attempt(format!("open /proc/{path}"))?;
        if rustix::fs::fstatfs(&fd).attempt(format!("look at /proc/{path}"))?.f_type as i64 != PROC_MAGIC {
            return Err(Failure::failed(format!("/proc/{path} is not in a proc file system")));
        }
        Ok(fd)
    }

    pub fn exists(&self, path: &str) -> bool {
        openat2(&self.0, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_XDEV).is_ok()
    }

    pub fn write(&self, path: &str, value: &[u8]) -> Result<()> {
        let fd = self.open_file(path, OFlags::WRONLY)?;
        let written = rustix::io::write(&fd, value).attempt(format!("write /proc/{path}"))?;
        if written == value.len() { Ok(()) } else { Err(Failure::failed(format!("write /proc/{path}: only {written} bytes were taken"))) }
    }

    /// A namespace file of a process; these are magic links, so only the last step may be one.
    pub fn open_namespace(&self, process: &str, name: &str) -> Result<OwnedFd> {
        let directory = self.open_file(&format!("{process}/ns"), OFlags::PATH | OFlags::DIRECTORY)?;
        rustix::fs::openat(&directory, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .attempt(format!("open /proc/{process}/ns/{name}"))
    }
}

pub fn apply_sysctls(sysctls: &BTreeMap<String, String>) -> Result<()> {
    if sysctls.is_empty() {
        return Ok(());
    }
    let procfs = Procfs::open()?;
    sysctls.iter().try_for_each(|(name, value)| procfs.write(&sysctl_path(name), value.as_bytes()))
}

/// Dots separate, unless the name has slashes: then they do, and dots belong to names (`net/ipv4/conf/eth0.1/forwarding`).
fn sysctl_path(name: &str) -> String {
    let separator = name.find(['.', '/']).map_or('.', |at| if name.as_bytes()[at] == b'/' { '/' } else { '.' });
    let swapped: String = name
        .chars()
        .map(|letter| match (separator, letter) {
            ('.', '.') => '/',
            ('.', '/') => '.',
            (_, letter) => letter,
        })
        .collect();
    format!("sys/{swapped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_file_of_a_sysctl() {
        assert_eq!(sysctl_path("net.ipv4.ip_forward"), "sys/net/ipv4/ip_forward");
        assert_eq!(sysctl_path("net/ipv4/conf/eth0.1/forwarding"), "sys/net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(sysctl_path("net.ipv4.conf.eth0/1.forwarding"), "sys/net/ipv4/conf/eth0.1/forwarding");
    }
}

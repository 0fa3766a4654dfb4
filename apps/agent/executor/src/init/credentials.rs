//! Becoming the user. Capabilities that only our own last steps need (installing a filter) are kept until [`limit_capabilities`].

use crate::failure::{Attempt, Result};
use oci::{Capabilities, Process};
use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, CapabilitySets};
use std::collections::BTreeSet;

/// In bit order.
const NAMES: [&str; 41] = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
];

fn capability(name: &str) -> Option<CapabilitySet> {
    let short = name.strip_prefix("CAP_").unwrap_or(name);
    let bit = NAMES.iter().position(|known| known.eq_ignore_ascii_case(short))?;
    Some(CapabilitySet::from_bits_retain(1 << bit))
}

fn set_of(names: &[String]) -> CapabilitySet {
    names.iter().filter_map(|name| capability(name)).fold(CapabilitySet::empty(), |set, one| set | one)
}

/// They are ignored, as runtime-spec has it: a configuration may have been written for a newer kernel.
pub fn unknown_capabilities(process: &Process) -> BTreeSet<&str> {
    let Some(capabilities) = &process.capabilities else { return BTreeSet::new() };
    let Capabilities { bounding, effective, inheritable, permitted, ambient } = capabilities;
    let names = [bounding, effective, inheritable, permitted, ambient].into_iter().flatten().map(String::as_str);
    names.filter(|name| capability(name).is_none()).collect()
}

/// Names this executor knows, for `features`.
pub fn capability_names() -> impl Iterator<Item = String> {
    NAMES.iter().map(|name| format!("CAP_{name}"))
}

struct Wanted {
    bounding: CapabilitySet,
    sets: CapabilitySets,
    ambient: CapabilitySet,
}

/// What is asked for and can be had: nobody gets a capability that the executor itself lacks.
fn wanted(capabilities: &Capabilities) -> Result<Wanted> {
    let own = rustix::thread::capabilities(None).attempt("read our capabilities")?.permitted;
    let permitted = set_of(&capabilities.permitted) & own;
    let inheritable = set_of(&capabilities.inheritable);
    Ok(Wanted {
        bounding: set_of(&capabilities.bounding),
        sets: CapabilitySets { effective: set_of(&capabilities.effective) & permitted, permitted, inheritable },
        ambient: set_of(&capabilities.ambient) & permitted & inheritable,
    })
}

/// Shrinks the bounding set, changes ids keeping capabilities, and enters the working directory.
pub fn drop_to_user(process: &Process, user_namespace: bool) -> Result<()> {
    if let Some(capabilities) = &process.capabilities {
        let bounding = set_of(&capabilities.bounding);
        for bit in 0..64 {
            let one = CapabilitySet::from_bits_retain(1 << bit);
            if bounding.contains(one) {
                continue;
            }
            match rustix::thread::remove_capability_from_bounding_set(one) {
                Ok(()) => {}
                // Past the last capability this kernel knows.
                Err(Errno::INVAL) => break,
                Err(errno) => return Err(errno).attempt("shrink the bounding set"),
            }
        }
    }
    // The directory may be closed to the user but open to us, or (root squash) the other way round.
    let cwd = if process.cwd.is_empty() { "/" } else { &process.cwd };
    let entered_before = rustix::process::chdir(cwd);
    change_ids(process, user_namespace)?;
    if entered_before.is_err() {
        rustix::process::chdir(cwd).attempt(format!("chdir to cwd ({cwd:?}) set in config.json failed"))?;
    }
    check_cwd(cwd)?;
    rustix::process::umask(Mode::from_raw_mode(process.user.umask.unwrap_or(0o022)));
    Ok(())
}

fn change_ids(process: &Process, user_namespace: bool) -> Result<()> {
    rustix::thread::set_keep_capabilities(true).attempt("keep capabilities over the change of user")?;
    let (uid, gid) = (Uid::from_raw(process.user.uid), Gid::from_raw(process.user.gid));
    let mut groups: Vec<Gid> = process.user.additional_gids.iter().map(|gid| Gid::from_raw(*gid)).collect();
    // Without it, a setgid program could shed the primary group and pass a check that denies that group (CVE-2022-36109).
    if !groups.contains(&gid) {
        groups.push(gid);
    }
    match rustix::thread::set_thread_groups(&groups) {
        // A user namespace made without privilege has setgroups denied; there are no groups to shed then.
        Err(Errno::PERM) if user_namespace && process.user.additional_gids.is_empty() => {}
        result => result.attempt("set supplementary groups")?,
    }
    rustix::thread::set_thread_res_gid(gid, gid, gid).attempt(format!("become group {}", process.user.gid))?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).attempt(format!("become user {}", process.user.uid))?;
    // Changing users empties the effective set; what is permitted is still there.
    let kept = rustix::thread::capabilities(None).attempt("read our capabilities")?;
    let again = CapabilitySets { effective: kept.permitted, ..kept };
    rustix::thread::set_capabilities(None, again).attempt("regain capabilities")?;
    rustix::thread::set_keep_capabilities(false).attempt("stop keeping capabilities")?;
    // Changing ids may have made us dumpable again.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable).attempt("become undumpable")
}

/// A working directory outside the root (a leaked descriptor of the host, CVE-2024-21626) has no name inside it.
fn check_cwd(configured: &str) -> Result<()> {
    let name = rustix::process::getcwd(Vec::new());
    match name {
        Ok(name) if name.to_bytes().starts_with(b"/") => Ok(()),
        _ => Err(wire::Failure::new(
            wire::Code::Invalid,
            format!(
                "current working directory {configured:?} is outside of container mount namespace root -- possible container breakout detected"
            ),
        )),
    }
}

/// The last loss: exactly the configured sets remain.
pub fn limit_capabilities(process: &Process) -> Result<()> {
    let Some(capabilities) = &process.capabilities else { return Ok(()) };
    let wanted = wanted(capabilities)?;
    debug_assert!(wanted.bounding.contains(wanted.sets.permitted) || !wanted.sets.permitted.is_empty());
    rustix::thread::set_capabilities(None, wanted.sets).attempt("set capabilities")?;
    rustix::thread::clear_ambient_capability_set().attempt("clear ambient capabilities")?;
    for one in wanted.ambient.iter() {
        rustix::thread::configure_capability_in_ambient_set(one, true).attempt("raise an ambient capability")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_the_kernels_bits() {
        assert_eq!(capability("CAP_CHOWN"), Some(CapabilitySet::CHOWN));
        assert_eq!(capability("CAP_SYS_ADMIN"), Some(CapabilitySet::SYS_ADMIN));
        assert_eq!(capability("CAP_CHECKPOINT_RESTORE"), Some(CapabilitySet::CHECKPOINT_RESTORE));
        assert_eq!(capability("CAP_EVERYTHING"), None);
    }
}

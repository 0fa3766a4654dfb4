//! Scheduling, memory policy, personality and security labels of the process.

use super::procfs::Procfs;
use super::{credentials, warn};
use crate::channel::Channel;
use crate::failure::{Attempt, Result};
use oci::{ConfigError, CpuAffinity, Linux, Process, Scheduler};
use sys::{IoPriority, SchedAttr};

pub fn apply(process: &Process, linux: &Linux, channel: &Channel) -> Result<()> {
    apply_labels(process, channel)?;
    let unknown = credentials::unknown_capabilities(process);
    if !unknown.is_empty() {
        warn(channel, format!("capabilities are not known, and ignored: {unknown:?}"))?;
    }
    if let Some(scheduler) = &process.scheduler {
        sys::set_sched_attr(sched_attr(scheduler)?).attempt("set the scheduler")?;
    }
    if let Some(priority) = &process.io_priority {
        let class = match priority.class.as_str() {
            "IOPRIO_CLASS_RT" => 1,
            "IOPRIO_CLASS_BE" => 2,
            "IOPRIO_CLASS_IDLE" => 3,
            other => return Err(ConfigError::invalid("process.ioPriority.class", format!("{other:?} is not known")).into()),
        };
        sys::set_ioprio(IoPriority { class, level: priority.priority }).attempt("set the I/O priority")?;
    }
    if let Some(personality) = linux.personality.as_ref().filter(|personality| !personality.domain.is_empty()) {
        let domain = match personality.domain.as_str() {
            "LINUX" => 0,
            "LINUX32" => 8,
            other => return Err(ConfigError::invalid("linux.personality.domain", format!("{other:?} is not known")).into()),
        };
        sys::personality(domain).attempt("set the personality")?;
    }
    if let Some(policy) = linux.memory_policy.as_ref().filter(|policy| !policy.mode.is_empty()) {
        apply_memory_policy(policy)?;
    }
    if let Some(CpuAffinity { initial, last }) = &process.exec_cpu_affinity {
        for list in [initial, last].into_iter().filter(|list| !list.is_empty()) {
            set_affinity(list)?;
        }
    }
    Ok(())
}

fn apply_labels(process: &Process, channel: &Channel) -> Result<()> {
    if !process.apparmor_profile.is_empty() {
        let is_enabled = std::fs::read("/sys/module/apparmor/parameters/enabled").is_ok_and(|value| value.starts_with(b"Y"));
        let procfs = Procfs::open()?;
        let value = format!("exec {}", process.apparmor_profile);
        let result = procfs
            .write("self/attr/apparmor/exec", value.as_bytes())
            .or_else(|_| if is_enabled { procfs.write("self/attr/exec", value.as_bytes()) } else { Ok(()) });
        // A kernel without AppArmor cannot confine; failing here would make every default profile unusable on it.
        if let Err(failure) = result {
            return Err(wire::Failure {
                message: format!("apply AppArmor profile {}: {}", process.apparmor_profile, failure.message),
                ..failure
            });
        }
        if !is_enabled && process.apparmor_profile != "unconfined" {
            warn(channel, format!("AppArmor is not enabled: profile {} is ignored", process.apparmor_profile))?;
        }
    }
    if !process.selinux_label.is_empty() {
        if std::path::Path::new("/sys/fs/selinux/enforce").exists() {
            Procfs::open()?.write("self/attr/exec", process.selinux_label.as_bytes())?;
        } else {
            warn(channel, format!("SELinux is not enabled: label {} is ignored", process.selinux_label))?;
        }
    }
    Ok(())
}

fn sched_attr(scheduler: &Scheduler) -> Result<SchedAttr> {
    let policy = match scheduler.policy.as_str() {
        "SCHED_OTHER" => 0,
        "SCHED_FIFO" => 1,
        "SCHED_RR" => 2,
        "SCHED_BATCH" => 3,
        "SCHED_ISO" => 4,
        "SCHED_IDLE" => 5,
        "SCHED_DEADLINE" => 6,
        other => return Err(ConfigError::invalid("process.scheduler.policy", format!("{other:?} is not known")).into()),
    };
    let mut flags = 0;
    for flag in &scheduler.flags {
        flags |= match flag.as_str() {
            "SCHED_FLAG_RESET_ON_FORK" => 0x01,
            "SCHED_FLAG_RECLAIM" => 0x02,
            "SCHED_FLAG_DL_OVERRUN" => 0x04,
            "SCHED_FLAG_KEEP_POLICY" => 0x08,
            "SCHED_FLAG_KEEP_PARAMS" => 0x10,
            "SCHED_FLAG_UTIL_CLAMP_MIN" => 0x20,
            "SCHED_FLAG_UTIL_CLAMP_MAX" => 0x40,
            other => return Err(ConfigError::invalid("process.scheduler.flags", format!("{other:?} is not known")).into()),
        };
    }
    Ok(SchedAttr {
        policy,
        flags,
        nice: scheduler.nice,
        priority: scheduler.priority as u32,
        runtime: scheduler.runtime,
        deadline: scheduler.deadline,
        period: scheduler.period,
        ..SchedAttr::default()
    })
}

fn apply_memory_policy(policy: &oci::MemoryPolicy) -> Result<()> {
    let mut mode = match policy.mode.as_str() {
        "MPOL_DEFAULT" => 0,
        "MPOL_PREFERRED" => 1,
        "MPOL_BIND" => 2,
        "MPOL_INTERLEAVE" => 3,
        "MPOL_LOCAL" => 4,
        "MPOL_PREFERRED_MANY" => 5,
        "MPOL_WEIGHTED_INTERLEAVE" => 6,
        other => return Err(ConfigError::invalid("linux.memoryPolicy.mode", format!("{other:?} is not known")).into()),
    };
    for flag in &policy.flags {
        mode |= match flag.as_str() {
            "MPOL_F_NUMA_BALANCING" => 1 << 13,
            "MPOL_F_RELATIVE_NODES" => 1 << 14,
            "MPOL_F_STATIC_NODES" => 1 << 15,
            other => return Err(ConfigError::invalid("linux.memoryPolicy.flags", format!("{other:?} is not known")).into()),
        };
    }
    let nodes = parse_list(&policy.nodes)
        .ok_or_else(|| ConfigError::invalid("linux.memoryPolicy.nodes", format!("{:?} is no list", policy.nodes)))?;
    let mut mask = vec![0u64; nodes.iter().max().map_or(0, |highest| highest / 64 + 1)];
    nodes.iter().for_each(|node| mask[node / 64] |= 1 << (node % 64));
    sys::set_mempolicy(mode, &mask).attempt("set the memory policy")
}

fn set_affinity(list: &str) -> Result<()> {
    let invalid = || ConfigError::invalid("process.execCPUAffinity", format!("{list:?} is no list of processors"));
    let mut set = rustix::thread::CpuSet::new();
    for cpu in parse_list(list).ok_or_else(invalid)? {
        if cpu >= rustix::thread::CpuSet::MAX_CPU {
            return Err(invalid().into());
        }
        set.set(cpu);
    }
    rustix::thread::sched_setaffinity(None, &set).attempt("set the processor affinity")
}

/// "0-3,7": the kernel's list format, bounded to what can exist.
fn parse_list(list: &str) -> Option<Vec<usize>> {
    const MAX: usize = 8192;
    let mut numbers = Vec::new();
    for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > MAX {
            return None;
        }
        numbers.extend(first..=last);
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_and_bounds_lists() {
        assert_eq!(parse_list("0-2,5").unwrap(), [0, 1, 2, 5]);
        assert_eq!(parse_list("").unwrap(), Vec::<usize>::new());
        for bad in ["x", "3-1", "0-99999999", "1-", "-"] {
            assert!(parse_list(bad).is_none(), "{bad}");
        }
    }
}

//! Limits that belong to the process or come last.

use crate::failure::{Attempt, Result};
use cgroups::Cgroup;
use oci::{ConfigError, Resources};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Everything but memory: set-up itself must not be killed by a limit meant for the program.
pub fn before_birth(resources: &Resources) -> Resources {
    Resources { memory: None, devices: Vec::new(), ..resources.clone() }
}

/// The last limit. v1 refuses one that is below what is in use, and set-up's own memory is given back to the cgroup only bit by bit (the
/// kernel frees and uncharges in batches), so a small limit may take a few attempts.
pub fn apply_memory(cgroup: &Cgroup, resources: &Resources) -> Result<()> {
    const ATTEMPTS: u32 = 40;
    let limits = Resources { memory: resources.memory.clone(), ..Resources::default() };
    for _ in 1..ATTEMPTS {
        match cgroup.apply_limits(&limits) {
            Err(cgroups::Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::ResourceBusy => {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            result => return result.map(drop).attempt("limit the container's memory"),
        }
    }
    cgroup.apply_limits(&limits).map(drop).attempt("limit the container's memory")
}

pub type Rlimits = Vec<(Resource, Rlimit)>;

pub fn parse_rlimits(limits: &[oci::Rlimit]) -> Result<Rlimits> {
    limits.iter().map(parse_rlimit).collect()
}

fn parse_rlimit(limit: &oci::Rlimit) -> Result<(Resource, Rlimit)> {
    let resource = match limit.kind.as_str() {
        "RLIMIT_CPU" => Resource::Cpu,
        "RLIMIT_FSIZE" => Resource::Fsize,
        "RLIMIT_DATA" => Resource::Data,
        "RLIMIT_STACK" => Resource::Stack,
        "RLIMIT_CORE" => Resource::Core,
        "RLIMIT_RSS" => Resource::Rss,
        "RLIMIT_NPROC" => Resource::Nproc,
        "RLIMIT_NOFILE" => Resource::Nofile,
        "RLIMIT_MEMLOCK" => Resource::Memlock,
        "RLIMIT_AS" => Resource::As,
        "RLIMIT_LOCKS" => Resource::Locks,
        "RLIMIT_SIGPENDING" => Resource::Sigpending,
        "RLIMIT_MSGQUEUE" => Resource::Msgqueue,
        "RLIMIT_NICE" => Resource::Nice,
        "RLIMIT_RTPRIO" => Resource::Rtprio,
        "RLIMIT_RTTIME" => Resource::Rttime,
        other => return Err(ConfigError::invalid("process.rlimits", format!("{other:?} is not known")).into()),
    };
    let finite = |value: u64| (value != u64::MAX).then_some(value);
    Ok((resource, Rlimit { current: finite(limit.soft), maximum: finite(limit.hard) }))
}

/// Without CAP_SYS_RESOURCE a hard limit cannot be raised: then as much as can be had, and a warning.
pub fn apply_rlimits(pid: Pid, limits: &[(Resource, Rlimit)]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for (resource, wanted) in limits {
        match prlimit(Some(pid), *resource, *wanted) {
            Ok(_) => {}
            Err(Errno::PERM) => {
                let possible = rustix::process::getrlimit(*resource).maximum;
                let capped = Rlimit { current: lower(wanted.current, possible), maximum: possible };
                warnings.push(format!("may not raise the limit {resource:?} to {wanted:?}: it is {capped:?}"));
                prlimit(Some(pid), *resource, capped).attempt(format!("limit {resource:?}"))?;
            }
            Err(errno) => return Err(errno).attempt(format!("limit {resource:?} to {wanted:?}")),
        }
    }
    Ok(warnings)
}

fn lower(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// From outside, through the host's /proc: nothing of the container is involved.
pub fn apply_oom_score(pid: Pid, score: Option<i32>) -> Result<Vec<String>> {
    let Some(score) = score else { return Ok(Vec::new()) };
    let path = format!("/proc/{}/oom_score_adj", pid.as_raw_nonzero());
    let current = std::fs::read_to_string(&path).attempt(format!("read {path}"))?;
    if current.trim() == score.to_string() {
        return Ok(Vec::new());
    }
    match std::fs::write(&path, score.to_string()) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Ok(vec![format!("may not lower oom_score_adj from {} to {score}", current.trim())])
        }
        result => result.attempt(format!("write {path}")).map(|()| Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_of_two_limits_where_none_is_infinite() {
        assert_eq!(
            [lower(Some(5), Some(3)), lower(None, Some(3)), lower(Some(5), None), lower(None, None)],
            [Some(3), Some(3), Some(5), None]
        );
    }
}

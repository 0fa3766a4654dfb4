//! Resource limits in cgroup v2 files.

use crate::limits_v1::check_file_name;
use crate::{Error, Result, files};
use oci::{BlockIo, Cpu, Memory, Rdma, Resources};
use std::collections::BTreeMap;
use std::path::Path;

fn maximum(value: i64) -> String {
    if value < 0 { "max".into() } else { value.to_string() }
}

/// Writes a limit; a file that is not there means that its controller is not enabled here.
fn set(directory: &Path, file: &str, field: &str, controller: &'static str, value: impl AsRef<[u8]>) -> Result<()> {
    let path = directory.join(file);
    match files::try_write(&path, value) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(Error::NoController { field: field.into(), controller }),
        Err(source) => Err(Error::Io { attempt: "write", path, source }),
        Ok(()) => Ok(()),
    }
}

pub(crate) fn apply(directory: Option<&Path>, resources: &Resources, warnings: &mut Vec<String>) -> Result<()> {
    let Some(directory) = directory else {
        let wants_limits = resources.memory.is_some() || resources.cpu.is_some() || resources.pids.is_some();
        if wants_limits {
            warnings.push("no cgroup is mounted: resource limits are ignored".into());
        }
        return Ok(());
    };
    if let Some(memory) = &resources.memory {
        apply_memory(directory, memory)?;
    }
    if let Some(cpu) = &resources.cpu {
        apply_cpu(directory, cpu)?;
    }
    if let Some(limit) = resources.pids.as_ref().and_then(|pids| pids.limit).filter(|limit| *limit != 0) {
        set(directory, "pids.max", "resources.pids.limit", "pids", maximum(limit))?;
    }
    if let Some(block_io) = &resources.block_io {
        apply_block_io(directory, block_io)?;
    }
    for limit in &resources.hugepage_limits {
        let file = format!("hugetlb.{}.max", limit.page_size);
        check_file_name("resources.hugepageLimits", &file)?;
        set(directory, &file, "resources.hugepageLimits", "hugetlb", limit.limit.to_string())?;
    }
    for (device, rdma) in &resources.rdma {
        set(directory, "rdma.max", "resources.rdma", "rdma", rdma_line(device, rdma))?;
    }
    if resources.network.is_some() {
        warnings.push("cgroup v2 has no network classes: resources.network is ignored".into());
    }
    apply_unified(Some(directory), &resources.unified)
}

pub(crate) fn apply_unified(directory: Option<&Path>, unified: &BTreeMap<String, String>) -> Result<()> {
    for (file, value) in unified {
        let field = format!("resources.unified.{file}");
        check_file_name(&field, file)?;
        // runc's words, for what cannot be had here.
        let invalid = |problem: &str| Error::Value { field: field.clone(), problem: format!("invalid configuration: {problem}") };
        let Some(directory) = directory else { return Err(invalid("cgroup v2 is not mounted")) };
        match value.lines().try_for_each(|line| set(directory, file, &field, "unified", line)) {
            Err(Error::NoController { .. }) => return Err(invalid("its controller is not on cgroup v2 here")),
            done => done?,
        }
    }
    Ok(())
}

pub(crate) fn rdma_line(device: &str, rdma: &Rdma) -> String {
    let part = |name: &str, value: Option<u32>| value.map_or(String::new(), |value| format!(" {name}={value}"));
    format!("{device}{}{}", part("hca_handle", rdma.hca_handles), part("hca_object", rdma.hca_objects))
}

/// The spec's swap is memory plus swap; v2 limits swap alone.
fn swap_alone(memory: &Memory) -> Result<Option<i64>> {
    let invalid = |problem: &str| Err(Error::Value { field: "resources.memory.swap".into(), problem: problem.into() });
    match (memory.swap.unwrap_or(0), memory.limit.unwrap_or(0)) {
        (0, -1) => Ok(Some(-1)),
        (0, _) => Ok(None),
        (-1, _) => Ok(Some(-1)),
        (_, -1 | 0) => invalid("needs a memory limit"),
        (swap, limit) if swap < limit => invalid("is lower than the memory limit"),
        (swap, limit) => Ok(Some(swap - limit)),
    }
}

fn apply_memory(directory: &Path, memory: &Memory) -> Result<()> {
    let set = |file, field: &str, value: i64| set(directory, file, field, "memory", maximum(value));
    if memory.check_before_update == Some(true) {
        let usage = files::number(&directory.join("memory.current")).unwrap_or(0);
        if memory.limit.is_some_and(|limit| limit > 0 && (limit as u64) < usage) {
            return Err(Error::Value { field: "resources.memory.limit".into(), problem: format!("{usage} bytes are in use already") });
        }
    }
    if let Some(swap) = swap_alone(memory)? {
        // A kernel without swap has no such file, and nothing to limit.
        if swap >= 0 || directory.join("memory.swap.max").exists() {
            set("memory.swap.max", "resources.memory.swap", swap)?;
        }
    }
    if let Some(limit) = memory.limit.filter(|limit| *limit != 0) {
        set("memory.max", "resources.memory.limit", limit)?;
    }
    if let Some(reservation) = memory.reservation.filter(|reservation| *reservation != 0) {
        set("memory.low", "resources.memory.reservation", reservation)?;
    }
    Ok(())
}

/// v1's shares, 2 to 262144 around 1024, as v2's weight, 1 to 10000.
fn weight_of_shares(shares: u64) -> u64 {
    1 + (shares.clamp(2, 262_144) - 2) * 9999 / 262_142
}

fn apply_cpu(directory: &Path, cpu: &Cpu) -> Result<()> {
    let set = |file, field: &str, value: String| set(directory, file, field, "cpu", value);
    if let Some(idle) = cpu.idle {
        set("cpu.idle", "resources.cpu.idle", idle.to_string())?;
    }
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0 && cpu.idle != Some(1)) {
        set("cpu.weight", "resources.cpu.shares", weight_of_shares(shares).to_string())?;
    }
    if let Some(burst) = cpu.burst {
        let _ = set("cpu.max.burst", "resources.cpu.burst", burst.to_string());
    }
    let (quota, period) = (cpu.quota.filter(|quota| *quota != 0), cpu.period.filter(|period| *period != 0));
    if quota.is_some() || period.is_some() {
        let current = std::fs::read_to_string(directory.join("cpu.max")).unwrap_or_default();
        let kept = current.split_whitespace().next().unwrap_or("max");
        let quota = quota.map_or(kept.to_owned(), maximum);
        let value = period.map_or(quota.clone(), |period| format!("{quota} {period}"));
        set("cpu.max", "resources.cpu.quota", value)?;
    }
    if let Some(burst) = cpu.burst {
        set("cpu.max.burst", "resources.cpu.burst", burst.to_string())?;
    }
    for (file, field, value) in [("cpuset.cpus", "resources.cpu.cpus", &cpu.cpus), ("cpuset.mems", "resources.cpu.mems", &cpu.mems)] {
        if !value.is_empty() {
            self::set(directory, file, field, "cpuset", value)?;
        }
    }
    Ok(())
}

fn apply_block_io(directory: &Path, block_io: &BlockIo) -> Result<()> {
    if let Some(weight) = block_io.weight.filter(|weight| *weight != 0) {
        let field = "resources.blockIO.weight";
        if directory.join("io.bfq.weight").exists() {
            set(directory, "io.bfq.weight", field, "io", weight.to_string())?;
        } else {
            // 10 to 1000 becomes 1 to 10000.
            let weight = 1 + (u64::from(weight).clamp(10, 1000) - 10) * 9999 / 990;
            set(directory, "io.weight", field, "io", format!("default {weight}"))?;
        }
    }
    for (key, devices) in [
        ("rbps", &block_io.throttle_read_bps_device),
        ("wbps", &block_io.throttle_write_bps_device),
        ("riops", &block_io.throttle_read_iops_device),
        ("wiops", &block_io.throttle_write_iops_device),
    ] {
        for device in devices {
            let rate = if device.rate == 0 { "max".into() } else { device.rate.to_string() };
            set(directory, "io.max", "resources.blockIO.throttle", "io", format!("{}:{} {key}={rate}", device.major, device.minor))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_shares_onto_weights() {
        assert_eq!([2, 1024, 262_144].map(weight_of_shares), [1, 39, 10_000]);
    }

    #[test]
    fn takes_memory_out_of_swap() {
        let memory = |limit, swap| Memory { limit: Some(limit), swap: Some(swap), ..Memory::default() };
        assert_eq!(swap_alone(&memory(100, 150)).unwrap(), Some(50));
        assert_eq!(swap_alone(&memory(100, -1)).unwrap(), Some(-1));
        assert_eq!(swap_alone(&memory(-1, 0)).unwrap(), Some(-1));
        assert!(swap_alone(&memory(100, 50)).is_err());
    }

    #[test]
    fn refuses_a_unified_key_that_is_a_path() {
        let keys = BTreeMap::from([("../memory.max".to_owned(), "1".to_owned())]);
        assert!(matches!(apply_unified(Some(Path::new("/nonexistent")), &keys), Err(Error::Value { .. })));
    }
}

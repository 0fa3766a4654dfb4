//! Resource limits in cgroup v1 files.

use crate::{Cgroup, Error, Result, files};
use oci::{BlockIo, Cpu, Memory, Resources};
use std::path::Path;

fn required<'a>(cgroup: &'a Cgroup, controller: &'static str, field: &str) -> Result<&'a Path> {
    cgroup.v1_path(controller).ok_or_else(|| Error::NoController { field: field.into(), controller })
}

/// Zero is Go's way of saying "not given".
fn given<T: Default + PartialEq>(value: Option<T>) -> Option<T> {
    value.filter(|value| *value != T::default())
}

pub(crate) fn apply(cgroup: &Cgroup, resources: &Resources, warnings: &mut Vec<String>) -> Result<()> {
    if let Some(memory) = &resources.memory {
        apply_memory(cgroup, memory, warnings)?;
    }
    if let Some(cpu) = &resources.cpu {
        apply_cpu(cgroup, cpu)?;
        apply_cpuset(cgroup, cpu)?;
    }
    if let Some(limit) = given(resources.pids.as_ref().and_then(|pids| pids.limit)) {
        let value = if limit < 0 { "max".into() } else { limit.to_string() };
        files::write(&required(cgroup, "pids", "resources.pids.limit")?.join("pids.max"), value)?;
    }
    if let Some(block_io) = &resources.block_io {
        apply_block_io(cgroup, block_io)?;
    }
    for limit in &resources.hugepage_limits {
        let (directory, file) = match (cgroup.v1_path("hugetlb"), cgroup.v2_path()) {
            (Some(path), _) => (path, format!("hugetlb.{}.limit_in_bytes", limit.page_size)),
            (None, Some(path)) => (path, format!("hugetlb.{}.max", limit.page_size)),
            (None, None) => return Err(Error::NoController { field: "resources.hugepageLimits".into(), controller: "hugetlb" }),
        };
        check_file_name("resources.hugepageLimits", &file)?;
        files::write(&directory.join(file), limit.limit.to_string())?;
    }
    if let Some(network) = &resources.network {
        if let Some(class) = given(network.class_id) {
            files::write(&required(cgroup, "net_cls", "resources.network.classID")?.join("net_cls.classid"), class.to_string())?;
        }
        for priority in &network.priorities {
            let path = required(cgroup, "net_prio", "resources.network.priorities")?;
            files::write(&path.join("net_prio.ifpriomap"), format!("{} {}", priority.name, priority.priority))?;
        }
    }
    for (device, rdma) in &resources.rdma {
        let path = required(cgroup, "rdma", "resources.rdma")?;
        files::write(&path.join("rdma.max"), crate::limits_v2::rdma_line(device, rdma))?;
    }
    Ok(())
}

/// A name that comes from the configuration must stay one file name.
pub(crate) fn check_file_name(field: &str, name: &str) -> Result<()> {
    if name.contains('/') || name.contains('\0') {
        return Err(Error::Value { field: field.into(), problem: format!("{name:?} is not a file name") });
    }
    Ok(())
}

fn apply_memory(cgroup: &Cgroup, memory: &Memory, warnings: &mut Vec<String>) -> Result<()> {
    let wants_any = [memory.limit, memory.reservation, memory.swap].into_iter().flatten().any(|value| value != 0);
    if !wants_any && memory.swappiness.is_none() && memory.disable_oom_killer.is_none() && given(memory.kernel_tcp).is_none() {
        return Ok(());
    }
    let path = required(cgroup, "memory", "resources.memory")?;
    let limit = given(memory.limit);
    let mut swap = given(memory.swap);
    // Lifting the limit lifts memory plus swap with it, which may not be lower.
    if limit == Some(-1) && swap.is_none() {
        swap = Some(-1);
    }
    let swap_file = path.join("memory.memsw.limit_in_bytes");
    if swap.is_some() && !swap_file.exists() {
        if memory.swap.is_some_and(|swap| swap > 0) {
            warnings.push("the kernel does not account swap: memory.swap is ignored".into());
        }
        swap = None;
    }
    let limit_file = path.join("memory.limit_in_bytes");
    if memory.check_before_update == Some(true) {
        if let (Some(limit), Some(usage)) = (limit.filter(|limit| *limit > 0), files::number(&path.join("memory.usage_in_bytes"))) {
            if (limit as u64) < usage {
                return Err(Error::Value { field: "resources.memory.limit".into(), problem: format!("{usage} bytes are in use already") });
            }
        }
    }
    // limit <= memory plus swap must hold after every single write.
    match (limit, swap) {
        (Some(limit), Some(swap)) => {
            if files::try_write(&limit_file, limit.to_string()).is_err() {
                files::write(&swap_file, swap.to_string())?;
                files::write(&limit_file, limit.to_string())?;
            }
            files::write(&swap_file, swap.to_string())?;
        }
        (Some(limit), None) => files::write(&limit_file, limit.to_string())?,
        (None, Some(swap)) => files::write(&swap_file, swap.to_string())?,
        (None, None) => {}
    }
    if let Some(reservation) = given(memory.reservation) {
        files::write(&path.join("memory.soft_limit_in_bytes"), reservation.to_string())?;
    }
    if let Some(limit) = given(memory.kernel_tcp) {
        files::write(&path.join("memory.kmem.tcp.limit_in_bytes"), limit.to_string())?;
    }
    if memory.disable_oom_killer == Some(true) {
        files::write(&path.join("memory.oom_control"), "1")?;
    }
    if let Some(swappiness) = memory.swappiness {
        if swappiness > 100 {
            return Err(Error::Value { field: "resources.memory.swappiness".into(), problem: format!("{swappiness} is over 100") });
        }
        files::write(&path.join("memory.swappiness"), swappiness.to_string())?;
    }
    Ok(())
}

fn apply_cpu(cgroup: &Cgroup, cpu: &Cpu) -> Result<()> {
    let write = |file: &str, field: &str, value: String| files::write(&required(cgroup, "cpu", field)?.join(file), value);
    if let Some(idle) = cpu.idle {
        write("cpu.idle", "resources.cpu.idle", idle.to_string())?;
    }
    if let Some(shares) = given(cpu.shares).filter(|_| cpu.idle != Some(1)) {
        write("cpu.shares", "resources.cpu.shares", shares.to_string())?;
    }
    let burst = cpu.burst.map(|burst| burst.to_string());
    // A burst above the quota is refused, so it goes down before and up after.
    if let Some(burst) = &burst {
        let _ = write("cpu.cfs_burst_us", "resources.cpu.burst", burst.clone());
    }
    if let Some(period) = given(cpu.period) {
        let first = write("cpu.cfs_period_us", "resources.cpu.period", period.to_string());
        if first.is_err() && given(cpu.quota).is_some() {
            // The old quota may be out of proportion with the new period.
            write("cpu.cfs_quota_us", "resources.cpu.quota", "-1".into())?;
            write("cpu.cfs_period_us", "resources.cpu.period", period.to_string())?;
        } else {
            first?;
        }
    }
    if let Some(quota) = given(cpu.quota) {
        write("cpu.cfs_quota_us", "resources.cpu.quota", quota.to_string())?;
    }
    if let Some(burst) = burst {
        write("cpu.cfs_burst_us", "resources.cpu.burst", burst)?;
    }
    if let Some(period) = given(cpu.realtime_period) {
        write("cpu.rt_period_us", "resources.cpu.realtimePeriod", period.to_string())?;
    }
    if let Some(runtime) = given(cpu.realtime_runtime) {
        write("cpu.rt_runtime_us", "resources.cpu.realtimeRuntime", runtime.to_string())?;
    }
    Ok(())
}

fn apply_cpuset(cgroup: &Cgroup, cpu: &Cpu) -> Result<()> {
    for (file, field, value) in [("cpuset.cpus", "resources.cpu.cpus", &cpu.cpus), ("cpuset.mems", "resources.cpu.mems", &cpu.mems)] {
        if !value.is_empty() {
            files::write(&required(cgroup, "cpuset", field)?.join(file), value)?;
        }
    }
    Ok(())
}

fn apply_block_io(cgroup: &Cgroup, block_io: &BlockIo) -> Result<()> {
    let path = |field: &str| required(cgroup, "blkio", field);
    if let Some(weight) = given(block_io.weight) {
        let directory = path("resources.blockIO.weight")?;
        let file = ["blkio.weight", "blkio.bfq.weight"].into_iter().find(|file| directory.join(file).exists());
        let file = file.ok_or(Error::NoController { field: "resources.blockIO.weight".into(), controller: "blkio (weights)" })?;
        files::write(&directory.join(file), weight.to_string())?;
    }
    for device in &block_io.weight_device {
        if let Some(weight) = given(device.weight) {
            let line = format!("{}:{} {weight}", device.major, device.minor);
            let directory = path("resources.blockIO.weightDevice")?;
            let file = ["blkio.weight_device", "blkio.bfq.weight_device"].into_iter().find(|file| directory.join(file).exists());
            files::write(&directory.join(file.unwrap_or("blkio.weight_device")), line)?;
        }
    }
    for (file, devices) in [
        ("blkio.throttle.read_bps_device", &block_io.throttle_read_bps_device),
        ("blkio.throttle.write_bps_device", &block_io.throttle_write_bps_device),
        ("blkio.throttle.read_iops_device", &block_io.throttle_read_iops_device),
        ("blkio.throttle.write_iops_device", &block_io.throttle_write_iops_device),
    ] {
        for device in devices {
            let line = format!("{}:{} {}", device.major, device.minor, device.rate);
            files::write(&path("resources.blockIO.throttle")?.join(file), line)?;
        }
    }
    Ok(())
}

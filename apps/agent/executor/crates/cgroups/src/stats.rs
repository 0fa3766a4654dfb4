//! What a cgroup has used.

use crate::{Cgroup, files};
use std::path::Path;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpu {
    pub usage_ns: u64,
    pub user_ns: u64,
    pub system_ns: u64,
    pub periods: u64,
    pub throttled_periods: u64,
    pub throttled_ns: u64,
    pub per_cpu_ns: Vec<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    pub usage: u64,
    pub max_usage: u64,
    /// The machine's memory when nothing limits it.
    pub limit: u64,
    pub cache: u64,
    pub inactive_file: u64,
    pub oom_kills: u64,
    pub failures: u64,
    /// Memory and swap together, as v1 counts them.
    pub swap_usage: u64,
    /// Of both together; 0 when nothing limits them.
    pub swap_limit: u64,
    pub raw: Vec<(String, u64)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pids {
    pub current: u64,
    pub limit: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BlockIo {
    pub read_bytes: u64,
    pub write_bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    pub cpu: Cpu,
    pub memory: Memory,
    pub pids: Pids,
    pub block_io: BlockIo,
}

impl Cgroup {
    /// A controller that is not there leaves zeros.
    pub fn stats(&self) -> Stats {
        let v2 = self.v2_path();
        let v1_or = |controller: &str| self.v1_path(controller);
        Stats {
            cpu: match (v1_or("cpuacct"), v2) {
                (Some(path), _) => cpu_v1(path, v1_or("cpu").unwrap_or(path)),
                (None, Some(path)) => cpu_v2(path),
                _ => Cpu::default(),
            },
            memory: match (v1_or("memory"), v2) {
                (Some(path), _) => memory_v1(path),
                (None, Some(path)) => memory_v2(path),
                _ => Memory::default(),
            },
            pids: v1_or("pids").or(v2).map_or_else(Pids::default, |path| Pids {
                current: files::number(&path.join("pids.current")).unwrap_or(0),
                limit: files::number(&path.join("pids.max")).unwrap_or(0),
            }),
            block_io: match (v1_or("blkio"), v2) {
                (Some(path), _) => block_io_v1(path),
                (None, Some(path)) => block_io_v2(path),
                _ => BlockIo::default(),
            },
        }
    }

    /// Processes the kernel has killed here for want of memory.
    pub fn oom_kills(&self) -> u64 {
        match (self.v1_path("memory"), self.v2_path()) {
            (Some(path), _) => files::keyed(&path.join("memory.oom_control"), "oom_kill").unwrap_or(0),
            (None, Some(path)) => files::keyed(&path.join("memory.events"), "oom_kill").unwrap_or(0),
            _ => 0,
        }
    }
}

fn table(path: &Path) -> Vec<(String, u64)> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let pair = |line: &str| line.split_once(' ').and_then(|(key, value)| Some((key.to_owned(), value.trim().parse().ok()?)));
    text.lines().filter_map(pair).collect()
}

fn find(table: &[(String, u64)], key: &str) -> u64 {
    table.iter().find(|(name, _)| name == key).map_or(0, |(_, value)| *value)
}

/// cpuacct.stat counts in ticks of USER_HZ, which is 100 on every architecture we build for.
const TICK_NS: u64 = 10_000_000;

fn cpu_v1(accounting: &Path, control: &Path) -> Cpu {
    let (ticks, control) = (table(&accounting.join("cpuacct.stat")), table(&control.join("cpu.stat")));
    let per_cpu = std::fs::read_to_string(accounting.join("cpuacct.usage_percpu")).unwrap_or_default();
    Cpu {
        usage_ns: files::number(&accounting.join("cpuacct.usage")).unwrap_or(0),
        user_ns: find(&ticks, "user") * TICK_NS,
        system_ns: find(&ticks, "system") * TICK_NS,
        periods: find(&control, "nr_periods"),
        throttled_periods: find(&control, "nr_throttled"),
        throttled_ns: find(&control, "throttled_time"),
        per_cpu_ns: per_cpu.split_whitespace().filter_map(|value| value.parse().ok()).collect(),
    }
}

fn cpu_v2(path: &Path) -> Cpu {
    let stat = table(&path.join("cpu.stat"));
    Cpu {
        usage_ns: find(&stat, "usage_usec") * 1000,
        user_ns: find(&stat, "user_usec") * 1000,
        system_ns: find(&stat, "system_usec") * 1000,
        periods: find(&stat, "nr_periods"),
        throttled_periods: find(&stat, "nr_throttled"),
        throttled_ns: find(&stat, "throttled_usec") * 1000,
        per_cpu_ns: Vec::new(),
    }
}

fn machine_memory() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    total.unwrap_or(0) * 1024
}

fn memory_v1(path: &Path) -> Memory {
    let number = |file: &str| files::number(&path.join(file)).unwrap_or(0);
    let raw = table(&path.join("memory.stat"));
    Memory {
        usage: number("memory.usage_in_bytes"),
        max_usage: number("memory.max_usage_in_bytes"),
        limit: number("memory.limit_in_bytes").min(machine_memory()),
        cache: find(&raw, "total_cache"),
        inactive_file: find(&raw, "total_inactive_file"),
        oom_kills: files::keyed(&path.join("memory.oom_control"), "oom_kill").unwrap_or(0),
        failures: number("memory.failcnt"),
        swap_usage: number("memory.memsw.usage_in_bytes"),
        swap_limit: number("memory.memsw.limit_in_bytes"),
        raw,
    }
}

fn memory_v2(path: &Path) -> Memory {
    let number = |file: &str| files::number(&path.join(file));
    let raw = table(&path.join("memory.stat"));
    let (machine, usage) = (machine_memory(), number("memory.current").unwrap_or(0));
    Memory {
        usage,
        max_usage: number("memory.peak").unwrap_or(0),
        limit: number("memory.max").unwrap_or(machine).min(machine),
        cache: find(&raw, "file"),
        inactive_file: find(&raw, "inactive_file"),
        oom_kills: files::keyed(&path.join("memory.events"), "oom_kill").unwrap_or(0),
        failures: files::keyed(&path.join("memory.events"), "max").unwrap_or(0),
        swap_usage: number("memory.swap.current").map_or(0, |swap| usage + swap),
        swap_limit: number("memory.swap.max").zip(number("memory.max")).map_or(0, |(swap, memory)| memory.saturating_add(swap)),
        raw,
    }
}

fn block_io_v1(path: &Path) -> BlockIo {
    let files = ["blkio.throttle.io_service_bytes_recursive", "blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"];
    let text = files.into_iter().find_map(|file| std::fs::read_to_string(path.join(file)).ok()).unwrap_or_default();
    let sum = |operation: &str| {
        text.lines().filter_map(|line| line.split_once(operation).and_then(|(_, value)| value.trim().parse::<u64>().ok())).sum()
    };
    BlockIo { read_bytes: sum(" Read "), write_bytes: sum(" Write ") }
}

fn block_io_v2(path: &Path) -> BlockIo {
    let text = std::fs::read_to_string(path.join("io.stat")).unwrap_or_default();
    let sum = |key: &str| text.split_whitespace().filter_map(|field| field.strip_prefix(key)?.parse::<u64>().ok()).sum();
    BlockIo { read_bytes: sum("rbytes="), write_bytes: sum("wbytes=") }
}

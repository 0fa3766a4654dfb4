//! A container's use of resources.

use super::{Server, containers};
use crate::clock;
use crate::container;
use crate::failure::Result;
use std::collections::BTreeMap;
use wire::{BlockIoStats, ContainerStats, CpuStats, MemoryStats, NetworkStats, PidsStats};

pub fn stats(server: &Server, id: &str) -> Result<ContainerStats> {
    let record = containers::record(server, id)?;
    let process = record.live_process().ok_or_else(|| container::wrong_state(&record, "running"))?;
    let used = record.cgroup().stats();
    let networks = std::fs::read_to_string(format!("/proc/{}/net/dev", process.pid)).unwrap_or_default();
    Ok(ContainerStats {
        read_at: clock::now(),
        cpu: CpuStats {
            usage_ns: used.cpu.usage_ns,
            user_ns: used.cpu.user_ns,
            system_ns: used.cpu.system_ns,
            throttled_periods: used.cpu.throttled_periods,
            periods: used.cpu.periods,
            throttled_ns: used.cpu.throttled_ns,
        },
        memory: MemoryStats {
            usage_bytes: used.memory.usage,
            max_usage_bytes: used.memory.max_usage,
            limit_bytes: used.memory.limit,
            cache_bytes: used.memory.cache,
            inactive_file_bytes: used.memory.inactive_file,
            oom_kills: used.memory.oom_kills,
        },
        pids: PidsStats { current: used.pids.current, limit: used.pids.limit },
        block_io: BlockIoStats { read_bytes: used.block_io.read_bytes, write_bytes: used.block_io.write_bytes },
        networks: if shares_our_network(process.pid) { BTreeMap::new() } else { parse_interfaces(&networks) },
    })
}

/// A container on the host's network has no traffic of its own.
fn shares_our_network(pid: i32) -> bool {
    let namespace = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).ok();
    namespace("self") == namespace(&pid.to_string())
}

/// /proc/PID/net/dev without the loopback interface.
fn parse_interfaces(text: &str) -> BTreeMap<String, NetworkStats> {
    let parse = |line: &str| {
        let (name, counters) = line.split_once(':')?;
        let counters: Vec<u64> = counters.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let at = |index: usize| counters.get(index).copied().unwrap_or(0);
        let stats = NetworkStats {
            rx_bytes: at(0),
            rx_packets: at(1),
            rx_errors: at(2),
            rx_dropped: at(3),
            tx_bytes: at(8),
            tx_packets: at(9),
            tx_errors: at(10),
            tx_dropped: at(11),
        };
        Some((name.trim().to_owned(), stats))
    };
    text.lines().filter_map(parse).filter(|(name, _)| name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_counters_by_column() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
             lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n  \
             eth0:    1226      15    2    3    0     0          0         0      826      11    4    5    0     0       0          0\n";
        let found = parse_interfaces(text);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["eth0"]);
        let eth0 = &found["eth0"];
        assert_eq!([eth0.rx_bytes, eth0.rx_packets, eth0.rx_errors, eth0.rx_dropped], [1226, 15, 2, 3]);
        assert_eq!([eth0.tx_bytes, eth0.tx_packets, eth0.tx_errors, eth0.tx_dropped], [826, 11, 4, 5]);
    }
}

//! events: statistics and out-of-memory notices as runc prints them.

use super::Global;
use super::arguments::{Arguments, unexpected};
use crate::container;
use crate::failure::{Attempt, Result};
use crate::state::{Record, StateDir};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::time::{Duration, Instant};
use wire::{Code, Failure};

pub fn events(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let (mut interval, mut once) = (Duration::from_secs(5), false);
    let id = arguments.container_id_among(|arguments, option| {
        match option {
            "interval" => interval = parse_duration(&arguments.value()?)?,
            "stats" => once = true,
            other => return Err(unexpected(other)),
        }
        Ok(())
    })?;
    let record = StateDir::open(&global.root, &id)?.read()?;
    if record.live_process().is_none() {
        return Err(container::wrong_state(&record, "running"));
    }
    print("stats", &id, Some(&statistics(&record)))?;
    if once {
        return Ok(());
    }
    let (mut oom_kills, mut told_at) = (record.cgroup().oom_kills(), Instant::now());
    loop {
        std::thread::sleep(OOM_INTERVAL.min(interval));
        if record.live_process().is_none() {
            return Ok(());
        }
        let now = record.cgroup().oom_kills();
        if now > oom_kills {
            print("oom", &id, None)?;
        }
        oom_kills = now;
        if told_at.elapsed() >= interval {
            print("stats", &id, Some(&statistics(&record)))?;
            told_at = Instant::now();
        }
    }
}

/// Nobody should have to wait for the next statistics to hear of it.
const OOM_INTERVAL: Duration = Duration::from_millis(100);

/// One line, its fields in runc's order: some readers look for it as text.
fn print(kind: &str, id: &str, data: Option<&Value>) -> Result<()> {
    let data = data.map_or(String::new(), |data| format!(",\"data\":{data}"));
    writeln!(std::io::stdout(), "{{\"type\":{},\"id\":{}{data}}}", json!(kind), json!(id)).attempt("print an event")
}

/// Go's notation, as far as whole numbers of one unit go.
fn parse_duration(text: &str) -> Result<Duration> {
    let invalid = || Failure::new(Code::Invalid, format!("{text:?} is not a duration"));
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = &text[number.len()..];
    let number: u64 = number.parse().map_err(|_| invalid())?;
    let duration = match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60).ok_or_else(invalid)?),
        "h" => Duration::from_secs(number.checked_mul(3600).ok_or_else(invalid)?),
        _ => return Err(invalid()),
    };
    if duration.is_zero() { Err(invalid()) } else { Ok(duration) }
}

fn statistics(record: &Record) -> Value {
    let used = record.cgroup().stats();
    let raw: Map<String, Value> = used.memory.raw.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
    let operation = |name: &str, value: u64| json!({ "op": name, "value": value });
    json!({
            "cpu": {
                "usage": {
                    "total": used.cpu.usage_ns,
                    "percpu": used.cpu.per_cpu_ns,
                    "kernel": used.cpu.system_ns,
                    "user": used.cpu.user_ns,
                },
                "throttling": {
                    "periods": used.cpu.periods,
                    "throttledPeriods": used.cpu.throttled_periods,
                    "throttledTime": used.cpu.throttled_ns,
                },
            },
            "memory": {
                "cache": used.memory.cache,
                "usage": {
                    "limit": used.memory.limit,
                    "usage": used.memory.usage,
                    "max": used.memory.max_usage,
                    "failcnt": used.memory.failures,
                },
                "swap": { "limit": used.memory.swap_limit, "usage": used.memory.swap_usage },
                "kernel": {},
                "kernelTCP": {},
                "raw": raw,
            },
            "pids": { "current": used.pids.current, "limit": used.pids.limit },
            "blkio": {
                "ioServiceBytesRecursive": [
                    operation("Read", used.block_io.read_bytes),
                    operation("Write", used.block_io.write_bytes),
                ],
            },
            "hugetlb": {},
            "intel_rdt": {},
            "network_interfaces": null,
    })
}

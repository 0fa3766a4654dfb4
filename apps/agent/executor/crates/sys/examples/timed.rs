//! Runs commands over and over and prints the milliseconds that one run took, the median of them; with several at a time, all the time
//! divided by all the runs. Cheap to start from, unlike a big process, which would measure itself.
//!
//!     timed RUNS AT_A_TIME STEP... [-- STEP...]
//!
//! A run is one or more commands, one after another. `{}` in an argument is a name that no other run has.

use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

fn step(arguments: &[String], name: &str) -> Result<(), String> {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("{}", name)).collect();
    let [program, rest @ ..] = arguments.as_slice() else { return Err("an empty step".into()) };
    let status = Command::new(program).args(rest).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{arguments:?}: {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

fn run(steps: &[&[String]], name: &str) -> Result<f64, String> {
    let started = Instant::now();
    steps.iter().try_for_each(|arguments| step(arguments, name))?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

fn measure(arguments: &[String]) -> Result<f64, String> {
    let usage = || "usage: timed RUNS AT_A_TIME STEP... [-- STEP...]".to_owned();
    let [runs, at_a_time, steps @ ..] = arguments else { return Err(usage()) };
    let (runs, at_a_time): (usize, usize) = (runs.parse().map_err(|_| usage())?, at_a_time.parse().map_err(|_| usage())?);
    let steps: Vec<&[String]> = steps.split(|argument| argument == "--").collect();
    let next = AtomicUsize::new(0);
    let worker = || -> Result<Vec<f64>, String> {
        let mut times = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= runs {
                return Ok(times);
            }
            times.push(run(&steps, &format!("timed-{}-{number}", std::process::id()))?);
        }
    };
    let started = Instant::now();
    let results: Vec<Result<Vec<f64>, String>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_a_time).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err("a worker panicked".into()))).collect()
    });
    let all = started.elapsed().as_secs_f64() * 1e3;
    let mut times = results.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
    times.sort_by(f64::total_cmp);
    let median = times.get(times.len() / 2).copied().ok_or_else(usage)?;
    Ok(if at_a_time == 1 { median } else { all / runs as f64 })
}

fn main() -> ExitCode {
    match measure(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(milliseconds) => {
            println!("{milliseconds:.3}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("timed: {message}");
            ExitCode::FAILURE
        }
    }
}

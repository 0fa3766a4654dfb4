//! state, list, ps.

use super::Global;
use super::arguments::{Arguments, unexpected};
use crate::failure::{Attempt, Result};
use crate::state::{self, Record, StateDir};
use serde::Serialize;
use std::collections::BTreeMap;
use wire::{Code, Failure, Status};

/// As runc prints it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Printed {
    oci_version: &'static str,
    id: String,
    pid: i32,
    status: Status,
    bundle: String,
    rootfs: String,
    created: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    owner: String,
}

fn print_form(record: &Record) -> Printed {
    let state = record.to_state();
    Printed {
        oci_version: oci::OCI_VERSION,
        id: state.container_id,
        pid: state.pid,
        status: state.status,
        bundle: state.bundle,
        rootfs: record.rootfs.clone(),
        created: state.created_at,
        annotations: record.annotations.clone(),
        owner: String::new(),
    }
}

pub fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::bug(format!("encode: {error}")))?;
    println!("{text}");
    Ok(())
}

pub fn state(global: &Global, arguments: &mut Arguments) -> Result<()> {
    if let Some(option) = arguments.next_option()? {
        return Err(unexpected(&option));
    }
    let id = arguments.container_id()?;
    arguments.finish()?;
    print_json(&print_form(&StateDir::open(&global.root, &id)?.read()?))
}

pub fn list(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let (mut json, mut quiet) = (false, false);
    while let Some(option) = arguments.next_option()? {
        match option.as_str() {
            "format" | "f" => json = is_json(&arguments.value()?)?,
            "quiet" | "q" => quiet = true,
            other => return Err(unexpected(other)),
        }
    }
    let containers: Vec<Printed> = state::list(&global.root)?.iter().map(print_form).collect();
    if quiet {
        containers.iter().for_each(|container| println!("{}", container.id));
        return Ok(());
    }
    if json {
        let text = serde_json::to_string(&containers).map_err(|error| Failure::bug(format!("encode: {error}")))?;
        println!("{text}");
        return Ok(());
    }
    let wide = |name: &str, of: fn(&Printed) -> usize| containers.iter().map(of).max().unwrap_or(0).max(name.len()) + 2;
    let (id, bundle) = (wide("ID", |container| container.id.len()), wide("BUNDLE", |container| container.bundle.len()));
    println!("{:id$}{:<10}{:<10}{:bundle$}{:<32}OWNER", "ID", "PID", "STATUS", "BUNDLE", "CREATED");
    for container in &containers {
        let status = format!("{:?}", container.status).to_lowercase();
        println!(
            "{:id$}{:<10}{status:<10}{:bundle$}{:<32}{}",
            container.id, container.pid, container.bundle, container.created, container.owner
        );
    }
    Ok(())
}

fn is_json(format: &str) -> Result<bool> {
    match format {
        "json" => Ok(true),
        "table" => Ok(false),
        other => Err(Failure::new(Code::Invalid, format!("invalid format option: {other:?}"))),
    }
}

pub fn ps(global: &Global, arguments: &mut Arguments) -> Result<()> {
    let mut json = false;
    while let Some(option) = arguments.next_option()? {
        match option.as_str() {
            "format" | "f" => json = is_json(&arguments.value()?)?,
            other => return Err(unexpected(other)),
        }
    }
    let id = arguments.container_id()?;
    let record = StateDir::open(&global.root, &id)?.read()?;
    let pids = record.cgroup().pids().attempt(format!("list the processes of container {id}"))?;
    if json {
        let text = serde_json::to_string(&pids).map_err(|error| Failure::bug(format!("encode: {error}")))?;
        println!("{text}");
        return Ok(());
    }
    let mut options = arguments.rest();
    if options.is_empty() {
        options.push("-ef".into());
    }
    let output = std::process::Command::new("ps").args(&options).output().attempt("run ps")?;
    let table = String::from_utf8_lossy(&output.stdout);
    let mut lines = table.lines();
    let Some(header) = lines.next() else { return Err(Failure::failed("ps printed nothing")) };
    let column = header.split_whitespace().position(|name| name == "PID").ok_or_else(|| Failure::failed("ps prints no PID column"))?;
    println!("{header}");
    for line in lines {
        let pid = line.split_whitespace().nth(column).and_then(|pid| pid.parse::<i32>().ok());
        if pid.is_some_and(|pid| pids.contains(&pid)) {
            println!("{line}");
        }
    }
    Ok(())
}

//! Operations on existing containers.

use super::Server;
use crate::container;
use crate::failure::{Attempt, Result};
use crate::state::{self, Record, StateDir};
use serde::Serialize;
use wire::{ContainerState, Execs, ShimRequest};

#[derive(Serialize)]
pub struct Containers {
    containers: Vec<ContainerState>,
}

#[derive(Serialize)]
pub struct Processes {
    pids: Vec<i32>,
}

pub fn record(server: &Server, id: &str) -> Result<Record> {
    StateDir::open(&server.root, id)?.read()
}

pub fn start(server: &Server, id: &str) -> Result<ContainerState> {
    let state_dir = StateDir::open(&server.root, id)?;
    let answer = container::ask_shim(&state_dir, &ShimRequest::Start)?;
    match answer.error {
        Some(failure) => Err(failure),
        None => Ok(state_dir.read()?.to_state()),
    }
}

pub fn state(server: &Server, id: &str) -> Result<ContainerState> {
    Ok(record(server, id)?.to_state())
}

pub fn list(server: &Server) -> Result<Containers> {
    Ok(Containers { containers: state::list(&server.root)?.iter().map(Record::to_state).collect() })
}

pub fn kill(server: &Server, id: &str, signal: i32, all: bool) -> Result<()> {
    container::kill(&record(server, id)?, signal, all)
}

pub fn pause(server: &Server, id: &str) -> Result<()> {
    container::pause(&record(server, id)?)
}

pub fn resume(server: &Server, id: &str) -> Result<()> {
    container::resume(&record(server, id)?)
}

pub fn update(server: &Server, id: &str, resources: &serde_json::Value) -> Result<()> {
    let resources = oci::Resources::parse(resources.to_string().as_bytes())?;
    for warning in container::update(&record(server, id)?, &resources)? {
        crate::report::say(format_args!("update container {id}: {warning}"));
    }
    Ok(())
}

pub fn execs(server: &Server, id: &str) -> Result<Execs> {
    Ok(Execs { exits: StateDir::open(&server.root, id)?.read_exec_exits()? })
}

pub fn processes(server: &Server, id: &str) -> Result<Processes> {
    let record = record(server, id)?;
    if record.live_process().is_none() {
        return Err(container::wrong_state(&record, "running"));
    }
    Ok(Processes { pids: record.cgroup().pids().attempt(format!("list the processes of container {id}"))? })
}

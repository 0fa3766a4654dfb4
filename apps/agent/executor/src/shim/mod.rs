//! One container's keeper: a small single-threaded process that owns the container's stdio, log, exit status and socket, so that the
//! container outlives the server and the agent. Life: set up, report to the server, serve until the container has ended and the last
//! client is gone.

mod connection;
mod events;
mod keeper;
mod output;
mod requests;
mod setup;
mod supervised;

pub use setup::{PLAN_FD, REPORT_FD, ShimPlan, run};

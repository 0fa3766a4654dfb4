//! The event loop and the bookkeeping around it.

use super::connection::{Connection, Flushed, Role};
use super::events::{Events, QUIET, READABLE, Token, WRITABLE};
use super::supervised::{INIT, ROOMY_PIPE_BYTES, Supervised, Wrote, to_exit_status};
use crate::exit_record;
use crate::failure::{Attempt, Result};
use crate::state::{Record, SHIM_SOCKET, StateDir};
use json_log::{Log, Stream};
use rustix::event::epoll::EventFlags;
use rustix::fd::OwnedFd;
use rustix::net::SocketFlags;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use rustix::time::Timespec;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use sys::SignalFd;
use wire::{ExecExit, ExitStatus, ShimAnswer};

/// All that is remembered of the configuration.
pub struct Kept {
    /// The container's other processes end with its first.
    pub private_pids: bool,
    pub poststart_hooks: bool,
}

pub struct Keeper {
    pub(super) events: Events,
    signals: SignalFd,
    listener: Option<OwnedFd>,
    pub(super) state_dir: StateDir,
    pub(super) record: Record,
    pub(super) kept: Kept,
    pub(super) processes: BTreeMap<u32, Supervised>,
    pub(super) connections: BTreeMap<u32, Connection>,
    /// Exits of processes that are forgotten otherwise, oldest first.
    pub(super) past_exits: VecDeque<(String, ExitStatus)>,
    pub(super) log: Option<Log>,
    /// The first attached client's end of input ends the container's stdin.
    pub(super) stdin_once: bool,
    /// For bytes on their way. Empty while nothing goes on.
    buffer: Vec<u8>,
    next_number: u32,
    oom_kills_at_birth: u64,
}

const MAX_CONNECTIONS: usize = 1024;
const MAX_PAST_EXITS: usize = 256;
/// A client of the container itself that takes nothing for this long, while others wait for it, is cut off.
const STUCK_CLIENT_LIMIT: Duration = Duration::from_secs(60);
const POLL_WHILE_BACKED_UP: Timespec = Timespec { tv_sec: 5, tv_nsec: 0 };
/// When nothing has happened for this long, nothing is likely to happen for a while.
const RESTFUL: Timespec = Timespec { tv_sec: 0, tv_nsec: 250_000_000 };

impl Keeper {
    #[expect(clippy::too_many_arguments, reason = "everything that set-up has made")]
    pub(super) fn new(
        events: Events,
        signals: SignalFd,
        listener: OwnedFd,
        state_dir: StateDir,
        record: Record,
        kept: Kept,
        init: Supervised,
        log: Option<Log>,
        stdin_once: bool,
    ) -> Self {
        let oom_kills_at_birth = record.cgroup().oom_kills();
        Self {
            events,
            signals,
            listener: Some(listener),
            state_dir,
            record,
            kept,
            processes: BTreeMap::from([(INIT, init)]),
            connections: BTreeMap::new(),
            past_exits: VecDeque::new(),
            log,
            stdin_once,
            buffer: Vec::new(),
            next_number: INIT + 1,
            oom_kills_at_birth,
        }
    }

    /// Read anew when it is needed: a shim lives for months, and mostly idle.
    pub(super) fn config(&self) -> Result<oci::Config> {
        self.state_dir.read_config()
    }

    pub(super) fn take_number(&mut self) -> u32 {
        self.next_number += 1;
        self.next_number - 1
    }

    /// Serves until the container has ended and everybody has been told.
    pub fn run(&mut self) -> Result<()> {
        self.reap()?;
        let mut is_at_rest = false;
        while !self.is_finished() {
            let is_waiting_for_clients = self.connections.values().any(Connection::waits_for_client);
            let limit = if is_waiting_for_clients { Some(POLL_WHILE_BACKED_UP) } else { (!is_at_rest).then_some(RESTFUL) };
            let ready = self.events.wait(limit)?;
            is_at_rest = ready.is_empty();
            if is_at_rest {
                self.release_memory();
            }
            for (token, flags) in ready {
                self.handle(token, flags)?;
            }
            if is_waiting_for_clients {
                self.drop_stuck_clients();
            }
            if self.is_finished() {
                // No new client can come; one that already has is still served.
                let _ = rustix::fs::unlinkat(&self.state_dir.fd, SHIM_SOCKET, rustix::fs::AtFlags::empty());
                self.accept()?;
            }
        }
        Ok(())
    }

    /// Not on the stack, which would keep its pages for ever.
    pub(super) fn with_buffer(&mut self, work: impl FnOnce(&mut Self, &mut [u8]) -> Result<()>) -> Result<()> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(ROOMY_PIPE_BYTES, 0);
        let worked = work(self, &mut buffer);
        self.buffer = buffer;
        worked
    }

    /// A shim lives for months, there are hundreds of them, and mostly they sleep.
    fn release_memory(&mut self) {
        self.buffer = Vec::new();
        if let Some(log) = &mut self.log {
            log.release_memory();
        }
        sys::release_memory();
    }

    fn is_finished(&self) -> bool {
        self.record.exit.is_some() && self.connections.is_empty() && self.processes.get(&INIT).is_none_or(|init| init.is_announced)
    }

    fn handle(&mut self, token: Token, flags: EventFlags) -> Result<()> {
        match token {
            Token::Listener => self.accept(),
            Token::Signals => self.on_signals(),
            Token::Connection(number) => self.on_connection(number, flags),
            Token::Stdout(number) => self.pump(number, Stream::Stdout),
            Token::Stderr(number) => self.pump(number, Stream::Stderr),
            Token::Stdin(number) => self.on_stdin_writable(number),
            Token::Startup(number) => self.on_startup(number),
        }
    }

    fn accept(&mut self) -> Result<()> {
        let Some(listener) = &self.listener else { return Ok(()) };
        loop {
            match rustix::net::accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(fd) if self.connections.len() >= MAX_CONNECTIONS => drop(fd),
                Ok(fd) => {
                    let number = self.next_number;
                    self.next_number += 1;
                    self.events.watch(&fd, Token::Connection(number), READABLE)?;
                    self.connections.insert(number, Connection::new(fd));
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(()),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNABORTED) => {}
                // Out of descriptors, say: clients try again, the container must not suffer.
                Err(errno) => {
                    crate::report::say(format_args!("accept a connection: {errno}"));
                    return Ok(());
                }
            }
        }
    }

    fn on_signals(&mut self) -> Result<()> {
        while self.signals.next().is_some() {}
        self.reap()
    }

    /// Collects every child that has ended; ours are announced, strays only buried.
    fn reap(&mut self) -> Result<()> {
        loop {
            let ended = match sys::next_ended_child() {
                Ok(Some(ended)) => ended,
                Ok(None) | Err(rustix::io::Errno::CHILD) => return Ok(()),
                Err(rustix::io::Errno::INTR) => continue,
                Err(errno) => return Err(errno).attempt("wait for children"),
            };
            let is_it = |process: &Supervised| process.pid == ended.pid && process.exit.is_none();
            let number = self.processes.iter().find(|(_, process)| is_it(process)).map(|(number, _)| *number);
            if let Some(number) = number {
                let oom_kills = self.record.cgroup().oom_kills();
                self.on_exit(number, to_exit_status(ended, oom_kills > self.oom_kills_at_birth))?;
            }
            if let Some(pid) = rustix::process::Pid::from_raw(ended.pid) {
                // Only now may the pid be used again.
                let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
            }
        }
    }

    fn on_exit(&mut self, number: u32, exit: ExitStatus) -> Result<()> {
        if number == INIT {
            if !self.kept.private_pids {
                if let Err(error) = self.record.cgroup().kill() {
                    crate::report::say(format_args!("end the container's other processes: {error}"));
                }
            }
            self.record.exit = Some(exit.clone());
            self.leave_exec_exits();
            // On disk before anybody hears of it. Failing that (a full disk), hearing is still better than not.
            if let Err(failure) = exit_record::write(&self.state_dir.fd, &exit) {
                crate::report::say(failure);
            }
        }
        let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
        process.exit = Some(exit.clone());
        process.stdin = None;
        self.fail_unfinished_startup(number)?;
        for connection in self.connections.values_mut() {
            if matches!(connection.role, Role::Wait { process } if process == number) {
                connection.finish(&ShimAnswer::exited(exit.clone()));
            }
        }
        self.flush_all()?;
        self.pump(number, Stream::Stdout)?;
        self.pump(number, Stream::Stderr)?;
        self.announce(number)
    }

    /// This process goes with the container, and with it what it remembers.
    fn leave_exec_exits(&self) {
        if self.past_exits.is_empty() {
            return;
        }
        let exits: Vec<ExecExit> =
            self.past_exits.iter().map(|(process_id, exit)| ExecExit { process_id: process_id.clone(), exit: exit.clone() }).collect();
        if let Err(failure) = self.state_dir.write_exec_exits(&exits) {
            crate::report::say(failure);
        }
    }

    /// What a finished exec leaves to those who ask later.
    pub(super) fn remember(&mut self, id: String, exit: ExitStatus) {
        if self.past_exits.len() == MAX_PAST_EXITS {
            self.past_exits.pop_front();
        }
        self.past_exits.push_back((id, exit));
    }

    fn on_connection(&mut self, number: u32, flags: EventFlags) -> Result<()> {
        if flags.contains(EventFlags::OUT) {
            self.flush(number)?;
        }
        if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            self.receive(number)?;
        }
        Ok(())
    }

    /// Sends what can be sent; closes what is done or broken; lets the process go on when the client has caught up.
    pub(super) fn flush(&mut self, number: u32) -> Result<()> {
        let Some(connection) = self.connections.get_mut(&number) else { return Ok(()) };
        match connection.flush() {
            Flushed::Broken => return self.close(number),
            Flushed::Everything if matches!(connection.role, Role::Done) => return self.close(number),
            Flushed::Everything if matches!(connection.role, Role::Told) => {
                // The client learns that nothing more comes. It may be gone already: then it hangs up.
                let _ = rustix::net::shutdown(&connection.fd, rustix::net::Shutdown::Write);
                connection.is_input_held = false;
            }
            _ => {}
        }
        self.update_interest(number)?;
        self.resume_outputs()
    }

    pub(super) fn flush_all(&mut self) -> Result<()> {
        let numbers: Vec<u32> = self.connections.keys().copied().collect();
        numbers.into_iter().try_for_each(|number| self.flush(number))
    }

    pub(super) fn update_interest(&self, number: u32) -> Result<()> {
        let Some(connection) = self.connections.get(&number) else { return Ok(()) };
        let mut interest = if connection.is_input_held { QUIET } else { READABLE };
        if connection.has_unsent() {
            interest |= WRITABLE;
        }
        self.events.change(&connection.fd, Token::Connection(number), interest)
    }

    pub(super) fn close(&mut self, number: u32) -> Result<()> {
        let Some(connection) = self.connections.remove(&number) else { return Ok(()) };
        if let Some(process) = connection.writes_to() {
            self.end_input(process)?;
        }
        drop(connection);
        self.resume_outputs()
    }

    /// A client's input has ended, by a message or by its disappearance.
    pub(super) fn end_input(&mut self, number: u32) -> Result<()> {
        let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
        if !process.closes_stdin {
            return Ok(());
        }
        if let Some(stdin) = &mut process.stdin {
            stdin.end();
        }
        self.write_stdin(number)
    }

    /// Passes input on; what the process does not take now holds up the clients that sent it.
    pub(super) fn write_stdin(&mut self, number: u32) -> Result<()> {
        let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
        let Some(stdin) = &mut process.stdin else { return Ok(()) };
        let outcome = stdin.write();
        let watched = self.connections.values().any(|connection| connection.is_input_held && connection.writes_to() == Some(number));
        match outcome {
            Wrote::Partly => {
                if !watched {
                    self.events
                        .watch(&stdin.fd, Token::Stdin(number), WRITABLE)
                        .or_else(|_| self.events.change(&stdin.fd, Token::Stdin(number), WRITABLE))?;
                }
            }
            Wrote::Closed => process.stdin = None,
            Wrote::Everything => {
                if watched {
                    self.events.forget(&stdin.fd)?;
                }
            }
        }
        self.hold_input(number, outcome == Wrote::Partly)
    }

    fn hold_input(&mut self, process: u32, is_held: bool) -> Result<()> {
        let writers: Vec<u32> =
            self.connections.iter().filter(|(_, connection)| connection.writes_to() == Some(process)).map(|(number, _)| *number).collect();
        for number in writers {
            if let Some(connection) = self.connections.get_mut(&number) {
                connection.is_input_held = is_held;
            }
            self.update_interest(number)?;
        }
        Ok(())
    }

    fn on_stdin_writable(&mut self, number: u32) -> Result<()> {
        self.write_stdin(number)
    }

    /// Clients of exec processes hold up nobody but themselves, and may take as long as they like.
    fn drop_stuck_clients(&mut self) {
        let has_ended = self.record.exit.is_some();
        let is_stuck = |connection: &Connection| {
            let concerns_all = has_ended || matches!(connection.role, Role::Stream { process: INIT, .. } | Role::Done | Role::Told);
            concerns_all && connection.waits_for_client() && connection.last_progress.elapsed() > STUCK_CLIENT_LIMIT
        };
        let stuck: Vec<u32> = self.connections.iter().filter(|(_, connection)| is_stuck(connection)).map(|(number, _)| *number).collect();
        for number in stuck {
            if let Err(failure) = self.close(number) {
                crate::report::say(format_args!("close a stuck connection: {failure}"));
            }
        }
    }
}

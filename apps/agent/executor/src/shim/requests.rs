//! What clients ask for.

use super::connection::{Role, Wants};
use super::events::{READABLE, Token};
use super::keeper::Keeper;
use super::setup::{connect_pipes, connect_terminal, wrong_state};
use super::supervised::{INIT, Stdio, Supervised};
use crate::clock;
use crate::failure::{Attempt, Result};
use crate::foreign::Runtime;
use crate::launch::{ExecRequest, begin_exec};
use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::process::{Signal, pidfd_send_signal};
use rustix::termios::{Winsize, tcsetwinsize};
use wire::{Code, Failure, Frame, FrameKind, ShimAnswer, ShimRequest, Size};

impl Keeper {
    pub(super) fn receive(&mut self, number: u32) -> Result<()> {
        self.with_buffer(|keeper, buffer| keeper.receive_through(buffer, number))
    }

    fn receive_through(&mut self, buffer: &mut [u8], number: u32) -> Result<()> {
        let Some(connection) = self.connections.get_mut(&number) else { return Ok(()) };
        let count = match rustix::io::read(&connection.fd, &mut *buffer) {
            Ok(0) => return self.on_half_close(number),
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(_) => return self.close(number),
        };
        connection.decoder.push(&buffer[..count]);
        loop {
            let Some(connection) = self.connections.get_mut(&number) else { return Ok(()) };
            match connection.decoder.next_frame() {
                Ok(None) => return Ok(()),
                Ok(Some(frame)) => self.on_frame(number, frame)?,
                Err(_) => return self.close(number),
            }
        }
    }

    /// A client that will send no more may still listen; one that asked nothing, or has been told all, is gone.
    fn on_half_close(&mut self, number: u32) -> Result<()> {
        let Some(connection) = self.connections.get_mut(&number) else { return Ok(()) };
        match connection.role {
            Role::New | Role::Wait { .. } => self.close(number),
            Role::Told if !connection.has_unsent() => self.close(number),
            Role::Stream { .. } | Role::Starting { .. } | Role::Done | Role::Told => {
                let writes_to = connection.writes_to();
                // Level-triggered: without this the end of input would be reported for ever.
                connection.is_input_held = true;
                if let Some(process) = writes_to {
                    self.end_input(process)?;
                }
                // A peer that is gone altogether breaks the next write, or has its socket hung up.
                if self.connections.get(&number).is_some_and(|connection| is_hung_up(connection.fd.as_fd())) {
                    return self.close(number);
                }
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.is_input_held = true;
                }
                self.update_interest(number)
            }
        }
    }

    fn on_frame(&mut self, number: u32, frame: Frame) -> Result<()> {
        let Some(connection) = self.connections.get(&number) else { return Ok(()) };
        match (&connection.role, frame.kind) {
            (Role::New, FrameKind::Json) => match serde_json::from_slice(&frame.payload) {
                Ok(request) => self.on_request(number, request),
                Err(error) => self.refuse(number, Failure::new(Code::Invalid, format!("parse the request: {error}"))),
            },
            (Role::Stream { process, wants }, FrameKind::Stdin) if wants.stdin => {
                let process = *process;
                if frame.payload.is_empty() {
                    return self.end_input(process);
                }
                if let Some(stdin) = self.processes.get_mut(&process).and_then(|process| process.stdin.as_mut()) {
                    stdin.push(&frame.payload);
                }
                self.write_stdin(process)
            }
            // Input before the answer, or for a process that takes none, is dropped as a terminal's would be.
            (Role::Stream { .. } | Role::Starting { .. } | Role::Done | Role::Told, FrameKind::Stdin) => Ok(()),
            _ => self.close(number),
        }
    }

    fn answer(&mut self, number: u32, answer: &ShimAnswer) -> Result<()> {
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.finish(answer);
        }
        self.flush(number)
    }

    fn refuse(&mut self, number: u32, failure: Failure) -> Result<()> {
        self.answer(number, &ShimAnswer::failed(failure))
    }

    fn settle(&mut self, number: u32, result: std::result::Result<(), Failure>) -> Result<()> {
        match result {
            Ok(()) => self.answer(number, &ShimAnswer::done()),
            Err(failure) => self.refuse(number, failure),
        }
    }

    fn find(&self, id: &str) -> std::result::Result<u32, Failure> {
        let found = self.processes.iter().find(|(_, process)| process.id == id).map(|(number, _)| *number);
        found.ok_or_else(|| Failure::new(Code::NotFound, format!("process {id} does not exist")))
    }

    fn on_request(&mut self, number: u32, request: ShimRequest) -> Result<()> {
        match request {
            ShimRequest::Start => self.start(number),
            ShimRequest::Attach { process_id, stdin, stdout, stderr } => self.attach(number, &process_id, Wants { stdin, stdout, stderr }),
            ShimRequest::Exec { process_id, process, stdin, detach } => match self.exec(number, process_id, &process, stdin, detach) {
                Ok(()) => Ok(()),
                Err(failure) => self.refuse(number, failure),
            },
            ShimRequest::Wait { process_id } => self.wait(number, &process_id),
            ShimRequest::Resize { process_id, size } => {
                let result = self.find(&process_id).and_then(|process| self.resize(process, size));
                self.settle(number, result)
            }
            ShimRequest::Signal { process_id, signal } => {
                let result = self.find(&process_id).and_then(|process| self.signal(process, signal));
                self.settle(number, result)
            }
            ShimRequest::CloseStdin { process_id } => {
                let result = self.find(&process_id);
                if let Some(stdin) = result.as_ref().ok().and_then(|process| self.processes.get_mut(process)?.stdin.as_mut()) {
                    stdin.end();
                }
                if let Ok(process) = &result {
                    self.write_stdin(*process)?;
                }
                self.settle(number, result.map(drop))
            }
        }
    }

    fn attach(&mut self, number: u32, id: &str, wants: Wants) -> Result<()> {
        let process = match self.find(id) {
            Ok(process) => process,
            Err(failure) => return self.refuse(number, failure),
        };
        let pid = self.processes.get(&process).map_or(0, |process| process.pid);
        if process == INIT && wants.stdin && self.stdin_once {
            if let Some(init) = self.processes.get_mut(&INIT) {
                init.closes_stdin = true;
            }
        }
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.queue_json(&ShimAnswer::started(pid));
            connection.role = Role::Stream { process, wants };
        }
        if self.processes.get(&process).is_some_and(|process| process.is_announced) {
            // It ended before this client came: all that is left to say is how.
            if let Some(process) = self.processes.get_mut(&process) {
                process.is_announced = false;
            }
            return self.announce(process);
        }
        self.flush(number)
    }

    fn wait(&mut self, number: u32, id: &str) -> Result<()> {
        let past = self.past_exits.iter().rev().find(|(past, _)| past == id).map(|(_, exit)| exit.clone());
        let running = self.find(id);
        let exit = running.as_ref().ok().and_then(|process| self.processes.get(process)?.exit.clone()).or(past);
        match (exit, running) {
            (Some(exit), _) => self.answer(number, &ShimAnswer::exited(exit)),
            (None, Ok(process)) => {
                if let Some(connection) = self.connections.get_mut(&number) {
                    connection.role = Role::Wait { process };
                }
                Ok(())
            }
            (None, Err(failure)) => self.refuse(number, failure),
        }
    }

    fn resize(&self, process: u32, size: Size) -> std::result::Result<(), Failure> {
        let Some(terminal) = self.processes.get(&process).and_then(|process| process.terminal.as_ref()) else {
            return Err(wrong_state("the process has no terminal"));
        };
        let size = Winsize { ws_row: size.height, ws_col: size.width, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(terminal, size).attempt("resize the terminal")
    }

    fn signal(&self, process: u32, signal: i32) -> std::result::Result<(), Failure> {
        let Some(process) = self.processes.get(&process).filter(|process| process.exit.is_none()) else {
            return Err(wrong_state("the process has ended"));
        };
        if signal == 0 {
            return Ok(());
        }
        let signal = sys::signal_of(signal).ok_or_else(|| Failure::new(Code::Invalid, "there is no such signal"))?;
        pidfd_send_signal(&process.pidfd, signal).attempt("signal the process")
    }

    fn start(&mut self, number: u32) -> Result<()> {
        if self.record.started_at.is_some() || self.record.exit.is_some() {
            return self.refuse(number, wrong_state(format!("container {} has been started already", self.record.id)));
        }
        let Some(launched) = self.processes.get_mut(&INIT).and_then(|init| init.startup.as_ref()) else {
            return self.refuse(number, wrong_state("the container cannot be started"));
        };
        let opened = launched.open_gate();
        if let Err(failure) = opened {
            return self.refuse(number, failure);
        }
        self.record.started_at = Some(clock::now());
        self.watch_startup(INIT)?;
        if let Some(connection) = self.connections.get_mut(&number) {
            connection.role = Role::Starting { process: INIT, stream: None };
        }
        Ok(())
    }

    fn watch_startup(&mut self, process: u32) -> Result<()> {
        let Some(launched) = self.processes.get(&process).and_then(|process| process.startup.as_ref()) else { return Ok(()) };
        self.events.watch(&launched.channel, Token::Startup(process), READABLE)
    }

    fn exec(
        &mut self,
        number: u32,
        id: String,
        process: &serde_json::Value,
        stdin: bool,
        detach: bool,
    ) -> std::result::Result<(), Failure> {
        let Some(init) = self.processes.get(&INIT).filter(|init| init.exit.is_none() && init.startup.is_none()) else {
            return Err(wrong_state(format!("container {} is not running", self.record.id)));
        };
        if self.find(&id).is_ok() {
            return Err(Failure::new(Code::Exists, format!("process {id} exists")));
        }
        let cgroup = self.record.cgroup();
        if cgroup.is_frozen() {
            return Err(wrong_state(format!("container {} is paused", self.record.id)));
        }
        let parsed = oci::Process::parse(process.to_string().as_bytes())?;
        let terminal = parsed.terminal;
        let mut stdio = Stdio::new(terminal, stdin && !detach)?;
        let launched = match &self.record.runtime {
            None => begin_exec(ExecRequest {
                root: self.state_dir.root(),
                config: &self.config()?,
                cgroup,
                container: init.pidfd.as_fd(),
                process: parsed,
                stdio: stdio.borrowed(),
                preserve: &[],
                keep_keyring: false,
            })?,
            Some(program) => Runtime::new(program, &self.state_dir, &self.record.id).exec(cgroup, process, terminal, stdio.borrowed())?,
        };
        let pidfd = launched.child.pidfd.try_clone().attempt("keep a handle on the process")?;
        let exec = self.take_number();
        let mut supervised = Supervised {
            id,
            pid: launched.child.pid.as_raw_nonzero().get(),
            pidfd,
            stdout: None,
            stderr: None,
            stdin: None,
            terminal: None,
            startup: Some(launched),
            exit: None,
            is_announced: false,
            closes_stdin: stdin,
        };
        connect_pipes(&self.events, &mut supervised, exec, &mut stdio)?;
        self.processes.insert(exec, supervised);
        self.watch_startup(exec)?;
        if let Some(connection) = self.connections.get_mut(&number) {
            let wants = Wants { stdin, stdout: true, stderr: true };
            connection.role = Role::Starting { process: exec, stream: (!detach).then_some(wants) };
        }
        Ok(())
    }

    pub(super) fn on_startup(&mut self, number: u32) -> Result<()> {
        let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
        let Some(launched) = &mut process.startup else { return Ok(()) };
        let pid = process.pid;
        let advanced = launched.advance();
        // At once: the program's first system call may be one that waits for the answer.
        if let Some(listener) = launched.seccomp_listener.take() {
            let sent = self.config().and_then(|config| crate::launch::send_seccomp_listener(&config, &self.record, listener.as_fd(), pid));
            if let Err(failure) = sent {
                crate::report::say(failure);
            }
        }
        match advanced {
            Ok(false) => Ok(()),
            Ok(true) => self.on_program_running(number),
            Err(failure) => self.on_startup_failed(number, failure),
        }
    }

    fn on_program_running(&mut self, number: u32) -> Result<()> {
        let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
        let Some(mut launched) = process.startup.take() else { return Ok(()) };
        let (pid, has_stdin) = (process.pid, process.closes_stdin);
        for warning in &launched.warnings {
            crate::report::say(format_args!("warning: {warning}"));
        }
        if let Some(console) = launched.console.take() {
            connect_terminal(&self.events, process, number, console, has_stdin)?;
        }
        if number == INIT {
            self.state_dir.write(&self.record)?;
            self.run_poststart_hooks(pid);
        }
        let started_at = if number == INIT { self.record.started_at.clone() } else { None };
        self.answer_starters(number, &ShimAnswer { started_at, ..ShimAnswer::started(pid) })
    }

    fn on_startup_failed(&mut self, number: u32, failure: Failure) -> Result<()> {
        if let Some(launched) = self.processes.get_mut(&number).and_then(|process| process.startup.take()) {
            launched.kill();
        }
        self.answer_starters(number, &ShimAnswer::failed(failure))?;
        if number == INIT {
            // It will be reaped, recorded and announced as any other end.
            return Ok(());
        }
        self.processes.remove(&number);
        Ok(())
    }

    /// The process died before its program ran, and its channel has not told why.
    pub(super) fn fail_unfinished_startup(&mut self, number: u32) -> Result<()> {
        while self.processes.get(&number).is_some_and(|process| process.startup.is_some()) {
            if !self.is_being_started(number) && number == INIT && self.record.started_at.is_none() {
                self.processes.get_mut(&number).and_then(|process| process.startup.take());
                return Ok(());
            }
            self.on_startup(number)?;
        }
        Ok(())
    }

    /// Its program is not known to run yet, and somebody waits for that.
    pub(super) fn is_being_started(&self, number: u32) -> bool {
        let waits = |role: &Role| matches!(role, Role::Starting { process, .. } if *process == number);
        self.processes.get(&number).is_some_and(|process| process.startup.is_some())
            && self.connections.values().any(|connection| waits(&connection.role))
    }

    fn answer_starters(&mut self, number: u32, answer: &ShimAnswer) -> Result<()> {
        for connection in self.connections.values_mut() {
            let Role::Starting { process, stream } = &connection.role else { continue };
            if *process != number {
                continue;
            }
            match stream {
                Some(wants) if answer.ok => {
                    let wants = *wants;
                    connection.queue_json(answer);
                    connection.role = Role::Stream { process: number, wants };
                }
                _ => connection.finish(answer),
            }
        }
        self.flush_all()
    }

    /// As runtime-spec 1.3 has it, a poststart hook that fails ends the container.
    fn run_poststart_hooks(&self, pid: i32) {
        if !self.kept.poststart_hooks {
            return;
        }
        let state = crate::oci_state::OciState::new(&self.record.id, &self.record.bundle, &self.record.annotations);
        let state = state.to_json(wire::Status::Running, pid);
        let run = self.config().and_then(|config| crate::hooks::run_all("poststart", &config.hooks.unwrap_or_default().poststart, &state));
        if let Err(failure) = run {
            crate::report::say(failure);
            if let Some(init) = self.processes.get(&INIT) {
                let _ = pidfd_send_signal(&init.pidfd, Signal::KILL);
            }
        }
    }
}

fn is_hung_up(fd: rustix::fd::BorrowedFd) -> bool {
    let mut state = [rustix::event::PollFd::new(&fd, rustix::event::PollFlags::empty())];
    let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
    let polled = rustix::event::poll(&mut state, Some(&now));
    polled.is_ok_and(|count| count > 0) && state[0].revents().intersects(rustix::event::PollFlags::HUP | rustix::event::PollFlags::ERR)
}

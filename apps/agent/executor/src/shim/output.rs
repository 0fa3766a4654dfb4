//! From a process's output to its log and its clients, at the pace of the slowest.

use super::connection::Role;
use super::events::{QUIET, READABLE, Token};
use super::keeper::Keeper;
use super::supervised::{INIT, Output, Supervised};
use crate::clock;
use crate::failure::Result;
use json_log::Stream;
use rustix::io::Errno;
use wire::{Exited, FrameKind};

/// Chunks from one stream before others get their turn.
const CHUNKS_PER_TURN: usize = 4;

impl Supervised {
    fn output_mut(&mut self, stream: Stream) -> &mut Option<Output> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

fn token(number: u32, stream: Stream) -> Token {
    match stream {
        Stream::Stdout => Token::Stdout(number),
        Stream::Stderr => Token::Stderr(number),
    }
}

enum Chunk {
    Bytes(usize),
    Nothing,
    End,
}

fn read(output: &Output, buffer: &mut [u8]) -> Chunk {
    loop {
        return match rustix::io::read(&output.fd, &mut *buffer) {
            Ok(0) => Chunk::End,
            Ok(count) => Chunk::Bytes(count),
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => Chunk::Nothing,
            // EIO: the last user of the terminal has gone.
            Err(_) => Chunk::End,
        };
    }
}

impl Keeper {
    pub(super) fn pump(&mut self, number: u32, stream: Stream) -> Result<()> {
        // Output proves that the program runs. Those who started it are told first, and so become clients, or they would miss it.
        while self.is_being_started(number) {
            self.on_startup(number)?;
        }
        self.with_buffer(|keeper, buffer| keeper.pump_through(buffer, number, stream))
    }

    fn pump_through(&mut self, buffer: &mut [u8], number: u32, stream: Stream) -> Result<()> {
        for _ in 0..CHUNKS_PER_TURN {
            if self.is_any_client_behind(number, stream) {
                self.hold(number, stream, true)?;
                return Ok(());
            }
            let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
            let has_exited = process.exit.is_some();
            let Some(output) = process.output_mut(stream) else { return Ok(()) };
            match read(output, buffer) {
                Chunk::Bytes(count) => {
                    output.make_room_after(count);
                    self.deliver(number, stream, &buffer[..count])?;
                }
                Chunk::Nothing if has_exited => {
                    // Others may hold it open and write on; nobody waits for them.
                    output.is_drained = true;
                    return self.announce(number);
                }
                Chunk::Nothing => return Ok(()),
                Chunk::End => {
                    *process.output_mut(stream) = None;
                    self.finish_log(number, stream);
                    return self.announce(number);
                }
            }
        }
        Ok(())
    }

    fn deliver(&mut self, number: u32, stream: Stream, bytes: &[u8]) -> Result<()> {
        if let Some(log) = self.log.as_mut().filter(|_| number == INIT) {
            if let Err(error) = log.write(stream, bytes, &clock::now()) {
                crate::report::say(format_args!("write the container's log: {error}"));
            }
        }
        let kind = match stream {
            Stream::Stdout => FrameKind::Stdout,
            Stream::Stderr => FrameKind::Stderr,
        };
        let clients: Vec<u32> =
            self.connections.iter().filter(|(_, connection)| connection.streams_from(number, stream)).map(|(client, _)| *client).collect();
        for client in clients {
            if let Some(connection) = self.connections.get_mut(&client) {
                connection.queue(kind, bytes);
            }
            self.flush(client)?;
        }
        Ok(())
    }

    fn finish_log(&mut self, number: u32, stream: Stream) {
        if let Some(log) = self.log.as_mut().filter(|_| number == INIT) {
            if let Err(error) = log.finish(stream, &clock::now()) {
                crate::report::say(format_args!("write the container's log: {error}"));
            }
        }
    }

    fn is_any_client_behind(&self, number: u32, stream: Stream) -> bool {
        self.connections.values().any(|connection| connection.streams_from(number, stream) && connection.is_backed_up())
    }

    fn hold(&mut self, number: u32, stream: Stream, is_held: bool) -> Result<()> {
        let Some(output) = self.processes.get_mut(&number).and_then(|process| process.output_mut(stream).as_mut()) else { return Ok(()) };
        if output.is_held == is_held {
            return Ok(());
        }
        output.is_held = is_held;
        self.events.change(&output.fd, token(number, stream), if is_held { QUIET } else { READABLE })
    }

    /// Lets every held output go on whose clients have caught up.
    pub(super) fn resume_outputs(&mut self) -> Result<()> {
        let held = |process: &Supervised, stream| {
            match stream {
                Stream::Stdout => process.stdout.as_ref(),
                Stream::Stderr => process.stderr.as_ref(),
            }
            .is_some_and(|output| output.is_held)
        };
        let mut ready = Vec::new();
        for (number, process) in &self.processes {
            for stream in [Stream::Stdout, Stream::Stderr] {
                if held(process, stream) && !self.is_any_client_behind(*number, stream) {
                    ready.push((*number, stream));
                }
            }
        }
        for (number, stream) in ready {
            self.hold(number, stream, false)?;
            // A process that has ended makes no further event.
            self.pump(number, stream)?;
        }
        Ok(())
    }

    /// Tells the streaming clients of a process's end, once it has ended and all its output is on its way to them.
    pub(super) fn announce(&mut self, number: u32) -> Result<()> {
        let Some(process) = self.processes.get_mut(&number) else { return Ok(()) };
        let Some(exit) = process.exit.clone() else { return Ok(()) };
        if process.is_announced || !process.is_drained() {
            return Ok(());
        }
        process.is_announced = true;
        let (id, has_output) = (process.id.clone(), process.stdout.is_some() || process.stderr.is_some());
        if number == INIT {
            self.finish_log(number, Stream::Stdout);
            self.finish_log(number, Stream::Stderr);
        } else {
            self.remember(id, exit.clone());
            if !has_output {
                self.processes.remove(&number);
            }
        }
        for connection in self.connections.values_mut() {
            if matches!(connection.role, Role::Stream { process, .. } if process == number) {
                connection.queue_json(&Exited { exit: exit.clone() });
                connection.tell_end();
            }
        }
        self.flush_all()
    }
}

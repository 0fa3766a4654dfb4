//! A client of the shim: what it asked for, and what is still to be sent to it.

use json_log::Stream;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::time::Instant;
use wire::{FrameDecoder, FrameKind, ShimAnswer};

/// What a connection is for, after its request.
#[derive(Debug)]
pub enum Role {
    /// The request has not arrived yet.
    New,
    /// Waits for a process (by number) to start, then becomes what `Starting` says.
    Starting {
        process: u32,
        stream: Option<Wants>,
    },
    Wait {
        process: u32,
    },
    Stream {
        process: u32,
        wants: Wants,
    },
    /// Everything has been said; closes when it is sent.
    Done,
    /// The same of a client that may still be writing input: closing under it would cost it what it has not read. It closes first.
    Told,
}

/// Which of a process's streams a client takes part in.
#[derive(Debug, Clone, Copy)]
pub struct Wants {
    pub stdin: bool,
    pub stdout: bool,
    pub stderr: bool,
}

impl Wants {
    pub fn includes(&self, stream: Stream) -> bool {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }
}

pub struct Connection {
    pub fd: OwnedFd,
    pub role: Role,
    pub decoder: FrameDecoder,
    unsent: Vec<u8>,
    sent: usize,
    /// When the client last took something, or had nothing to take.
    pub last_progress: Instant,
    /// Its stdin frames wait for the process to read.
    pub is_input_held: bool,
}

/// Above this much unsent output a client makes its process wait.
const HIGH_WATER_BYTES: usize = 128 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub enum Flushed {
    Everything,
    Partly,
    /// The client is gone.
    Broken,
}

impl Connection {
    pub fn new(fd: OwnedFd) -> Self {
        Self {
            fd,
            role: Role::New,
            decoder: FrameDecoder::default(),
            unsent: Vec::new(),
            sent: 0,
            last_progress: Instant::now(),
            is_input_held: false,
        }
    }

    pub fn queue(&mut self, kind: FrameKind, payload: &[u8]) {
        if self.unsent.is_empty() {
            self.last_progress = Instant::now();
        }
        wire::encode_frame(&mut self.unsent, kind, payload);
    }

    pub fn queue_json(&mut self, message: &impl serde::Serialize) {
        // Our own messages: strings and numbers only, so encoding cannot fail.
        self.queue(FrameKind::Json, &serde_json::to_vec(message).unwrap_or_default());
    }

    /// The only answer, or the last.
    pub fn finish(&mut self, answer: &ShimAnswer) {
        self.queue_json(answer);
        self.role = Role::Done;
    }

    pub fn is_backed_up(&self) -> bool {
        self.unsent.len() - self.sent >= HIGH_WATER_BYTES
    }

    pub fn has_unsent(&self) -> bool {
        self.sent < self.unsent.len()
    }

    /// It is the client's turn, to read or to close.
    pub fn waits_for_client(&self) -> bool {
        self.has_unsent() || matches!(self.role, Role::Told)
    }

    /// After the last frame.
    pub fn tell_end(&mut self) {
        self.role = match self.role {
            Role::Stream { wants: Wants { stdin: true, .. }, .. } => Role::Told,
            _ => Role::Done,
        };
        self.is_input_held = false;
    }

    pub fn flush(&mut self) -> Flushed {
        while self.sent < self.unsent.len() {
            match rustix::net::send(&self.fd, &self.unsent[self.sent..], rustix::net::SendFlags::NOSIGNAL) {
                Ok(count) => {
                    self.sent += count;
                    self.last_progress = Instant::now();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Flushed::Partly,
                Err(_) => return Flushed::Broken,
            }
        }
        (self.unsent, self.sent) = (Vec::new(), 0);
        Flushed::Everything
    }

    /// The process whose output it gets.
    pub fn streams_from(&self, process: u32, stream: Stream) -> bool {
        matches!(&self.role, Role::Stream { process: own, wants } if *own == process && wants.includes(stream))
    }

    pub fn writes_to(&self) -> Option<u32> {
        match &self.role {
            Role::Stream { process, wants } if wants.stdin => Some(*process),
            _ => None,
        }
    }
}

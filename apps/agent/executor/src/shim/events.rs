//! epoll with typed tokens.

use crate::failure::{Attempt, Result};
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::Timespec;

/// What a readiness event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    Listener,
    Signals,
    Connection(u32),
    /// A process's stdout (or terminal) and stderr.
    Stdout(u32),
    Stderr(u32),
    Stdin(u32),
    /// The start-up channel of a process.
    Startup(u32),
}

impl Token {
    fn encode(self) -> EventData {
        let (kind, number) = match self {
            Self::Listener => (0, 0),
            Self::Signals => (1, 0),
            Self::Connection(number) => (2, number),
            Self::Stdout(number) => (3, number),
            Self::Stderr(number) => (4, number),
            Self::Stdin(number) => (5, number),
            Self::Startup(number) => (6, number),
        };
        EventData::new_u64(kind << 32 | u64::from(number))
    }

    fn decode(data: EventData) -> Self {
        let raw = data.u64();
        let number = raw as u32;
        match raw >> 32 {
            0 => Self::Listener,
            1 => Self::Signals,
            2 => Self::Connection(number),
            3 => Self::Stdout(number),
            4 => Self::Stderr(number),
            5 => Self::Stdin(number),
            _ => Self::Startup(number),
        }
    }
}

pub struct Events {
    epoll: OwnedFd,
}

pub const READABLE: EventFlags = EventFlags::IN;
pub const WRITABLE: EventFlags = EventFlags::OUT;
/// Only hang-ups and errors.
pub const QUIET: EventFlags = EventFlags::empty();

const BATCH: usize = 16;

impl Events {
    pub fn new() -> Result<Self> {
        Ok(Self { epoll: epoll::create(CreateFlags::CLOEXEC).attempt("create an epoll instance")? })
    }

    pub fn watch(&self, fd: impl AsFd, token: Token, interest: EventFlags) -> Result<()> {
        epoll::add(&self.epoll, fd, token.encode(), interest).attempt("watch a descriptor")
    }

    pub fn change(&self, fd: impl AsFd, token: Token, interest: EventFlags) -> Result<()> {
        epoll::modify(&self.epoll, fd, token.encode(), interest).attempt("watch a descriptor for something else")
    }

    /// For a descriptor that lives on (or has a duplicate that does).
    pub fn forget(&self, fd: impl AsFd) -> Result<()> {
        epoll::delete(&self.epoll, fd).attempt("stop watching a descriptor")
    }

    pub fn wait(&self, timeout: Option<Timespec>) -> Result<Vec<(Token, EventFlags)>> {
        let mut ready = Vec::with_capacity(BATCH);
        rustix::io::retry_on_intr(|| epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), timeout.as_ref()))
            .attempt("wait for events")?;
        Ok(ready.into_iter().map(|Event { data, flags }| (Token::decode(data), flags)).collect())
    }
}

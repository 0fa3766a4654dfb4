//! The few rtnetlink messages that container networking needs, written by hand: one socket, one acknowledged request at a time.
#![forbid(unsafe_code)]

mod address;
mod message;
mod socket;

pub use address::{Cidr, parse_mac};
pub use socket::{Socket, VethPair};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{attempt}: {errno}")]
    Kernel { attempt: String, errno: rustix::io::Errno },
    #[error("{value:?} is not {expected}")]
    Syntax { value: String, expected: &'static str },
    #[error("no network interface is called {name}")]
    NoInterface { name: String },
}

impl Error {
    pub fn errno(&self) -> Option<rustix::io::Errno> {
        match self {
            Self::Kernel { errno, .. } => Some(*errno),
            Self::NoInterface { .. } => Some(rustix::io::Errno::NODEV),
            Self::Syntax { .. } => None,
        }
    }
}

pub type Result<T> = std::result::Result<T, Error>;

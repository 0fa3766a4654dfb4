//! Attaching to an error what was being tried. Errors cross process boundaries here, so they are flattened into [`Failure`] at once.

use wire::{Code, Failure};

pub type Result<T> = std::result::Result<T, Failure>;

pub trait Attempt<T> {
    /// Lower case, in the infinitive: "open /x".
    fn attempt(self, what: impl AsRef<str>) -> Result<T>;
}

impl<T> Attempt<T> for std::result::Result<T, rustix::io::Errno> {
    fn attempt(self, what: impl AsRef<str>) -> Result<T> {
        self.map_err(|errno| Failure::new(code_of(errno), format!("{}: {errno}", what.as_ref())))
    }
}

impl<T> Attempt<T> for std::io::Result<T> {
    fn attempt(self, what: impl AsRef<str>) -> Result<T> {
        self.map_err(|error| {
            let code = rustix::io::Errno::from_io_error(&error).map_or(Code::Failed, code_of);
            Failure::new(code, format!("{}: {error}", what.as_ref()))
        })
    }
}

impl<T> Attempt<T> for cgroups::Result<T> {
    fn attempt(self, what: impl AsRef<str>) -> Result<T> {
        self.map_err(|error| {
            let code = match &error {
                cgroups::Error::NoController { .. } => Code::Unsupported,
                cgroups::Error::Value { .. } => Code::Invalid,
                _ => Code::Failed,
            };
            let flat = Failure::from_error(code, &error);
            Failure { message: format!("{}: {}", what.as_ref(), flat.message), ..flat }
        })
    }
}

impl<T> Attempt<T> for netlink::Result<T> {
    fn attempt(self, what: impl AsRef<str>) -> Result<T> {
        self.map_err(|error| {
            let code = match &error {
                netlink::Error::Syntax { .. } => Code::Invalid,
                netlink::Error::NoInterface { .. } => Code::NotFound,
                netlink::Error::Kernel { .. } => Code::Failed,
            };
            Failure::new(code, format!("{}: {error}", what.as_ref()))
        })
    }
}

fn code_of(errno: rustix::io::Errno) -> Code {
    match errno {
        rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT => Code::NoSpace,
        _ => Code::Failed,
    }
}

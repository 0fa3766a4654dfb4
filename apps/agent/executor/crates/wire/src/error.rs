use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    User,
    Operational,
    Bug,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    Invalid,
    NotFound,
    Exists,
    WrongState,
    CommandNotFound,
    PermissionDenied,
    DigestMismatch,
    TooLarge,
    NoSpace,
    Unsupported,
    Failed,
}

/// ExecutorError of the contract: `code` for programs, `message` for people, `field` names the config.json field at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub kind: Kind,
    pub code: Code,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Failure {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let kind = match code {
            Code::NoSpace | Code::Failed | Code::Unsupported => Kind::Operational,
            _ => Kind::User,
        };
        Self { kind, code, message: message.into(), field: None }
    }

    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Code::Failed, message)
    }

    pub fn bug(message: impl Into<String>) -> Self {
        Self { kind: Kind::Bug, ..Self::failed(message) }
    }

    /// Flattens an error and its causes, which cannot cross the socket as objects.
    pub fn from_error(code: Code, error: &dyn std::error::Error) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self::new(code, message)
    }
}

impl From<oci::ConfigError> for Failure {
    fn from(error: oci::ConfigError) -> Self {
        let code = if error.unsupported { Code::Unsupported } else { Code::Invalid };
        Self { kind: Kind::User, code, message: error.to_string(), field: Some(error.field) }
    }
}

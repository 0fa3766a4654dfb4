use crate::{ExitStatus, Failure};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    pub height: u16,
    pub width: u16,
}

/// One connection per request, the contract's ShimRequest. An exec's `process` is for [`oci::Process::parse`] to judge.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ShimRequest {
    Start,
    Attach { process_id: String, stdin: bool, stdout: bool, stderr: bool },
    Exec { process_id: String, process: serde_json::Value, stdin: bool, detach: bool },
    Wait { process_id: String },
    Resize { process_id: String, size: Size },
    Signal { process_id: String, signal: i32 },
    CloseStdin { process_id: String },
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimAnswer {
    pub ok: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    #[serde(default, rename = "startedAt", skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit: Option<ExitStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
}

impl ShimAnswer {
    pub fn done() -> Self {
        Self { ok: true, ..Self::default() }
    }

    pub fn started(pid: i32) -> Self {
        Self { pid: Some(pid), ..Self::done() }
    }

    pub fn exited(exit: ExitStatus) -> Self {
        Self { exit: Some(exit), ..Self::done() }
    }

    pub fn failed(error: Failure) -> Self {
        Self { error: Some(error), ..Self::default() }
    }
}

/// Last frame of an attach or exec stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename = "exited")]
pub struct Exited {
    pub exit: ExitStatus,
}

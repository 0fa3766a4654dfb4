//! The state of a container in the runtime-spec's JSON form: what hooks read and `state` prints.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use wire::Status;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OciState {
    pub oci_version: String,
    pub id: String,
    pub status: Status,
    pub pid: i32,
    pub bundle: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

impl OciState {
    pub fn new(id: &str, bundle: &str, annotations: &BTreeMap<String, String>) -> Self {
        Self {
            oci_version: oci::OCI_VERSION.into(),
            id: id.into(),
            status: Status::Creating,
            pid: 0,
            bundle: bundle.into(),
            annotations: annotations.clone(),
        }
    }

    pub fn to_json(&self, status: Status, pid: i32) -> String {
        // Strings and numbers only: encoding cannot fail.
        serde_json::to_string(&Self { status, pid, ..self.clone() }).unwrap_or_default()
    }

    /// With the caller's pid as its namespace numbers it.
    pub fn as_seen_inside(&self, status: Status) -> String {
        self.to_json(status, std::process::id() as i32)
    }
}

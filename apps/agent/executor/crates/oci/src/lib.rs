//! OCI runtime-spec 1.3 configuration as this executor reads it: every field that Linux gives a meaning, with the spec's names.
//! Unknown properties are ignored, as the spec demands; a field of a wrong type is an error that names it.
#![forbid(unsafe_code)]

mod linux;
mod locate;
mod process;
mod resources;
mod seccomp;
mod validate;

pub use linux::{Device, IdMapping, IntelRdt, Linux, MemoryPolicy, Namespace, NamespaceKind, NetDevice, Personality, TimeOffset};
pub use process::{Capabilities, ConsoleSize, CpuAffinity, IoPriority, Process, Rlimit, Scheduler, User};
pub use resources::{
    BlockIo, Cpu, DeviceRule, HugepageLimit, InterfacePriority, Memory, NetworkClass, Pids, Rdma, Resources, ThrottleDevice, WeightDevice,
};
pub use seccomp::{Action, ArgRule, Operator, Seccomp, SyscallRule};
pub use validate::check_container_id;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version this executor writes in states and templates.
pub const OCI_VERSION: &str = "1.3.0";

/// What is wrong with a configuration, and where.
#[derive(Debug, thiserror::Error)]
#[error("config.json: {field}: {problem}")]
pub struct ConfigError {
    pub field: String,
    pub problem: String,
    /// Valid, but beyond what this executor or this kernel can do.
    pub unsupported: bool,
}

impl ConfigError {
    pub fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), unsupported: false }
    }

    pub fn unsupported(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { field: field.into(), problem: problem.into(), unsupported: true }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    pub oci_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<Process>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<Root>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub hostname: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub domainname: String,
    #[serde(deserialize_with = "nullable")]
    pub mounts: Vec<Mount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    #[serde(deserialize_with = "nullable", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub linux: Linux,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Root {
    pub path: String,
    pub readonly: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mount {
    pub destination: String,
    #[serde(rename = "type", skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    #[serde(deserialize_with = "nullable")]
    pub options: Vec<String>,
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub uid_mappings: Vec<IdMapping>,
    #[serde(deserialize_with = "nullable", skip_serializing_if = "Vec::is_empty")]
    pub gid_mappings: Vec<IdMapping>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hooks {
    #[serde(deserialize_with = "nullable")]
    pub prestart: Vec<Hook>,
    #[serde(deserialize_with = "nullable")]
    pub create_runtime: Vec<Hook>,
    #[serde(deserialize_with = "nullable")]
    pub create_container: Vec<Hook>,
    #[serde(deserialize_with = "nullable")]
    pub start_container: Vec<Hook>,
    #[serde(deserialize_with = "nullable")]
    pub poststart: Vec<Hook>,
    #[serde(deserialize_with = "nullable")]
    pub poststop: Vec<Hook>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Hook {
    pub path: String,
    #[serde(deserialize_with = "nullable")]
    pub args: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub env: Vec<String>,
    /// Seconds.
    pub timeout: Option<i64>,
}

impl Config {
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let config: Self = parse_named(json)?;
        config.validate()?;
        Ok(config)
    }
}

impl Process {
    /// A process for `exec`.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let process: Self = parse_named(json)?;
        process.validate()?;
        Ok(process)
    }
}

impl Resources {
    /// New limits for `update`.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        parse_named(json)
    }
}

fn parse_named<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ConfigError> {
    serde_json::from_slice(json).map_err(|error| {
        let field = locate::field_at(json, locate::offset_of(json, error.line(), error.column()));
        ConfigError::invalid(field, error.to_string())
    })
}

/// Go programs write `null` for an empty list.
fn nullable<'de, D: serde::Deserializer<'de>, T: Deserialize<'de> + Default>(reader: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(reader)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_field_of_a_wrong_type() {
        let error = Config::parse(br#"{"ociVersion":"1.0.2","process":{"user":{"uid":"root"}}}"#).unwrap_err();
        assert_eq!(error.field, "process.user.uid");
    }

    #[test]
    fn refuses_ids_that_do_not_fit() {
        // CVE-2026-30892, CVE-2024-40635: an id that overflows must never become another user.
        for uid in ["4294967296", "-1", "1.5", "\"0\""] {
            let json = format!(
                r#"{{"ociVersion":"1.0.2","linux":{{"namespaces":[{{"type":"mount"}}]}},"process":{{"user":{{"uid":{uid},"gid":0}}}}}}"#
            );
            let error = Config::parse(json.as_bytes()).expect_err(uid);
            assert_eq!(error.field, "process.user.uid");
        }
    }

    #[test]
    fn reads_null_as_empty_and_ignores_the_unknown() {
        let config =
            Config::parse(br#"{"ociVersion":"1.2.0","mounts":null,"x":1,"linux":{"maskedPaths":null,"namespaces":[{"type":"mount"}]}}"#)
                .unwrap();
        assert!(config.mounts.is_empty() && config.linux.masked_paths.is_empty());
    }

    #[test]
    fn refuses_text_after_the_document() {
        assert!(Config::parse(br#"{"ociVersion":"1.2.0"} {}"#).is_err());
    }
}

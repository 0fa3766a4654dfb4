//! What can be judged about a configuration without looking at the machine. Nothing has been created yet when this fails.

use crate::{Config, ConfigError, Hook, NamespaceKind, Process};

type Result = std::result::Result<(), ConfigError>;

/// A container id becomes a directory and a cgroup name.
pub fn check_container_id(id: &str) -> Result {
    let is_ok = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-' | b'.');
    if id.is_empty() || id.len() > 1024 || id.starts_with('.') || !id.bytes().all(is_ok) {
        return Err(ConfigError::invalid("id", format!("{id:?} is not a container id")));
    }
    Ok(())
}

fn no_nul(field: &str, value: &str) -> Result {
    if value.contains('\0') { Err(ConfigError::invalid(field, "contains a NUL byte")) } else { Ok(()) }
}

impl Config {
    pub(crate) fn validate(&self) -> Result {
        let major = self.oci_version.split('.').next().unwrap_or_default();
        if major != "1" {
            return Err(ConfigError::unsupported("ociVersion", format!("{:?} is not a 1.x version", self.oci_version)));
        }
        if let Some(process) = &self.process {
            process.validate().map_err(|error| ConfigError { field: format!("process.{}", error.field), ..error })?;
        }
        self.validate_mounts()?;
        self.validate_namespaces()?;
        self.validate_sysctls()?;
        for (kind, hooks) in self.hooks.iter().flat_map(|hooks| hooks.by_kind()) {
            for (index, hook) in hooks.iter().enumerate() {
                validate_hook(&format!("hooks.{kind}[{index}]"), hook)?;
            }
        }
        if !matches!(
            self.linux.rootfs_propagation.as_str(),
            "" | "shared" | "slave" | "private" | "unbindable" | "rshared" | "rslave" | "rprivate" | "runbindable"
        ) {
            return Err(ConfigError::invalid(
                "linux.rootfsPropagation",
                format!("{:?} is no propagation type", self.linux.rootfs_propagation),
            ));
        }
        for (field, paths) in [("linux.maskedPaths", &self.linux.masked_paths), ("linux.readonlyPaths", &self.linux.readonly_paths)] {
            for path in paths {
                no_nul(field, path)?;
                if !path.starts_with('/') {
                    return Err(ConfigError::invalid(field, format!("{path:?} is not absolute")));
                }
            }
        }
        for (index, device) in self.linux.devices.iter().enumerate() {
            let field = format!("linux.devices[{index}]");
            if !device.path.starts_with('/') || device.path.contains('\0') {
                return Err(ConfigError::invalid(field, format!("path {:?} is not absolute", device.path)));
            }
            if !matches!(device.kind.as_str(), "c" | "u" | "b" | "p") {
                return Err(ConfigError::invalid(format!("{field}.type"), format!("{:?} is not c, u, b or p", device.kind)));
            }
        }
        if self.linux.cgroups_path.split('/').any(|part| part == "..") {
            return Err(ConfigError::invalid("linux.cgroupsPath", "contains .."));
        }
        Ok(())
    }

    fn validate_mounts(&self) -> Result {
        for (index, mount) in self.mounts.iter().enumerate() {
            let field = format!("mounts[{index}]");
            if mount.destination.is_empty() {
                return Err(ConfigError::invalid(format!("{field}.destination"), "is empty"));
            }
            for text in [&mount.destination, &mount.source, &mount.kind].into_iter().chain(&mount.options) {
                no_nul(&field, text)?;
            }
            if mount.uid_mappings.is_empty() != mount.gid_mappings.is_empty() {
                return Err(ConfigError::invalid(field, "has only one of uidMappings and gidMappings"));
            }
        }
        Ok(())
    }

    fn validate_namespaces(&self) -> Result {
        let linux = &self.linux;
        for (index, namespace) in linux.namespaces.iter().enumerate() {
            let field = format!("linux.namespaces[{index}]");
            if linux.namespaces[..index].iter().any(|earlier| earlier.kind == namespace.kind) {
                return Err(ConfigError::invalid(field, "repeats a type"));
            }
            if !namespace.path.is_empty() && !namespace.path.starts_with('/') {
                return Err(ConfigError::invalid(field, format!("path {:?} is not absolute", namespace.path)));
            }
        }
        if linux.namespace(NamespaceKind::Mount).is_none() {
            return Err(ConfigError::unsupported("linux.namespaces", "a container without a mount namespace is not supported"));
        }
        if linux.is_new(NamespaceKind::User) && (linux.uid_mappings.is_empty() || linux.gid_mappings.is_empty()) {
            return Err(ConfigError::invalid("linux.uidMappings", "a new user namespace needs uidMappings and gidMappings"));
        }
        if linux.namespace(NamespaceKind::User).is_none() && !(linux.uid_mappings.is_empty() && linux.gid_mappings.is_empty()) {
            return Err(ConfigError::invalid("linux.uidMappings", "id mappings without a user namespace"));
        }
        for (field, value) in [("hostname", &self.hostname), ("domainname", &self.domainname)] {
            no_nul(field, value)?;
            if !value.is_empty() && linux.namespace(NamespaceKind::Uts).is_none() {
                return Err(ConfigError::invalid(field, "cannot be set without a uts namespace"));
            }
        }
        if !linux.time_offsets.is_empty() && !linux.is_new(NamespaceKind::Time) {
            return Err(ConfigError::invalid("linux.timeOffsets", "need a new time namespace"));
        }
        Ok(())
    }

    /// Only sysctls that the container's own namespaces confine (CVE-2022-0811 set kernel.core_pattern).
    fn validate_sysctls(&self) -> Result {
        for (name, value) in &self.linux.sysctl {
            let field = format!("linux.sysctl.{name}");
            no_nul(&field, value)?;
            let dotted = name.replace('/', ".");
            if name.contains("..") || name.is_empty() || name.contains('\0') {
                return Err(ConfigError::invalid(field, "is not a sysctl name"));
            }
            let needs = if dotted.starts_with("net.") {
                NamespaceKind::Network
            } else if dotted.starts_with("fs.mqueue.")
                || matches!(dotted.as_str(), "kernel.sem" | "kernel.shmall" | "kernel.shmmax" | "kernel.shmmni" | "kernel.shm_rmid_forced")
                || matches!(
                    dotted.as_str(),
                    "kernel.msgmax"
                        | "kernel.msgmnb"
                        | "kernel.msgmni"
                        | "kernel.msg_next_id"
                        | "kernel.sem_next_id"
                        | "kernel.shm_next_id"
                )
            {
                NamespaceKind::Ipc
            } else if matches!(dotted.as_str(), "kernel.domainname" | "kernel.hostname") {
                NamespaceKind::Uts
            } else {
                return Err(ConfigError::invalid(field, "is not confined to any namespace"));
            };
            if self.linux.namespace(needs).is_none() {
                return Err(ConfigError::invalid(field, format!("would change the host: there is no {} namespace", needs.proc_name())));
            }
        }
        Ok(())
    }
}

fn validate_hook(field: &str, hook: &Hook) -> Result {
    if !hook.path.starts_with('/') {
        return Err(ConfigError::invalid(format!("{field}.path"), format!("{:?} is not absolute", hook.path)));
    }
    if hook.timeout.is_some_and(|seconds| seconds <= 0) {
        return Err(ConfigError::invalid(format!("{field}.timeout"), "is not positive"));
    }
    for text in [&hook.path].into_iter().chain(&hook.args).chain(&hook.env) {
        no_nul(field, text)?;
    }
    Ok(())
}

impl crate::Hooks {
    fn by_kind(&self) -> [(&'static str, &[Hook]); 6] {
        [
            ("prestart", &self.prestart),
            ("createRuntime", &self.create_runtime),
            ("createContainer", &self.create_container),
            ("startContainer", &self.start_container),
            ("poststart", &self.poststart),
            ("poststop", &self.poststop),
        ]
    }
}

impl Process {
    pub(crate) fn validate(&self) -> Result {
        if !self.cwd.is_empty() && !self.cwd.starts_with('/') {
            return Err(ConfigError::invalid("cwd", format!("{:?} is not absolute", self.cwd)));
        }
        no_nul("cwd", &self.cwd)?;
        for text in &self.args {
            no_nul("args", text)?;
        }
        for text in &self.env {
            no_nul("env", text)?;
        }
        if let Some(score) = self.oom_score_adj.filter(|score| !(-1000..=1000).contains(score)) {
            return Err(ConfigError::invalid("oomScoreAdj", format!("{score} is not between -1000 and 1000")));
        }
        // (uid_t)-1 means "leave unchanged" to the kernel.
        if self.user.uid == u32::MAX || self.user.gid == u32::MAX || self.user.additional_gids.contains(&u32::MAX) {
            return Err(ConfigError::invalid("user", format!("{} is not an id", u32::MAX)));
        }
        for (index, limit) in self.rlimits.iter().enumerate() {
            let field = format!("rlimits[{index}]");
            if self.rlimits[..index].iter().any(|earlier| earlier.kind == limit.kind) {
                return Err(ConfigError::invalid(field, format!("{} is there twice", limit.kind)));
            }
            if limit.soft > limit.hard {
                return Err(ConfigError::invalid(field, format!("soft limit {} is over hard limit {}", limit.soft, limit.hard)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field_of(json: &str) -> String {
        Config::parse(json.as_bytes()).unwrap_err().field
    }

    #[test]
    fn refuses_ids_that_leave_the_state_directory() {
        for id in ["", "..", "../x", "a/b", ".hidden", "a\0b", "a b"] {
            assert!(check_container_id(id).is_err(), "{id:?} was accepted");
        }
        check_container_id("web_1+a-b.c").unwrap();
    }

    #[test]
    fn refuses_sysctls_of_the_host() {
        let with = |sysctl: &str, namespaces: &str| {
            format!(r#"{{"ociVersion":"1.0.0","linux":{{"namespaces":[{{"type":"mount"}}{namespaces}],"sysctl":{{"{sysctl}":"1"}}}}}}"#)
        };
        assert_eq!(field_of(&with("kernel.core_pattern", "")), "linux.sysctl.kernel.core_pattern");
        assert_eq!(field_of(&with("net.ipv4.ip_forward", "")), "linux.sysctl.net.ipv4.ip_forward");
        assert_eq!(field_of(&with("net/../kernel/core_pattern", r#",{"type":"network"}"#)), "linux.sysctl.net/../kernel/core_pattern");
        Config::parse(with("net.ipv4.ip_forward", r#",{"type":"network"}"#).as_bytes()).unwrap();
    }

    #[test]
    fn refuses_cgroup_paths_with_dots() {
        assert_eq!(
            field_of(r#"{"ociVersion":"1.0.0","linux":{"namespaces":[{"type":"mount"}],"cgroupsPath":"/a/../../b"}}"#),
            "linux.cgroupsPath"
        );
    }
}

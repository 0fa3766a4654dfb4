//! spec: a configuration to start from, like runc's.

use super::arguments::{Arguments, unexpected};
use crate::failure::{Attempt, Result};
use crate::state::CONFIG;
use cgroups::{Hierarchies, Mode};
use serde_json::{Value, json};
use std::path::PathBuf;
use wire::{Code, Failure};

pub fn spec(arguments: &mut Arguments) -> Result<()> {
    let (mut bundle, mut rootless) = (PathBuf::from("."), false);
    while let Some(option) = arguments.next_option()? {
        match option.as_str() {
            "bundle" | "b" => bundle = arguments.value()?.into(),
            "rootless" => rootless = true,
            other => return Err(unexpected(other)),
        }
    }
    arguments.finish()?;
    let path = bundle.join(CONFIG);
    if path.exists() {
        return Err(Failure::new(Code::Exists, format!("file {} exists. Remove it first", path.display())));
    }
    let mut template = template();
    if rootless {
        make_rootless(&mut template);
    }
    // runc indents with tabs, and its tests edit the text.
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut writer = serde_json::Serializer::with_formatter(&mut text, formatter);
    serde::Serialize::serialize(&template, &mut writer).map_err(|error| Failure::bug(format!("encode the template: {error}")))?;
    std::fs::write(&path, text).attempt(format!("write {}", path.display()))
}

fn mount(destination: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": kind, "source": source, "options": options })
}

/// And one for cgroups where v2 is all there is, as runc has it.
fn namespaces(kinds: &[&str]) -> Value {
    let is_unified = matches!(Hierarchies::detect().mode(), Mode::V2);
    kinds.iter().chain(is_unified.then_some(&"cgroup")).map(|kind| json!({ "type": kind })).collect()
}

fn template() -> Value {
    let capabilities = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];
    let namespaces = namespaces(&["pid", "network", "ipc", "uts", "mount"]);
    json!({
        "ociVersion": oci::OCI_VERSION,
        "process": {
            "terminal": true,
            "user": { "uid": 0, "gid": 0 },
            "args": ["sh"],
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
            "cwd": "/",
            "capabilities": { "bounding": capabilities, "effective": capabilities, "permitted": capabilities },
            "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
            "noNewPrivileges": true,
        },
        "root": { "path": "rootfs", "readonly": true },
        "hostname": "runc",
        "mounts": [
            mount("/proc", "proc", "proc", &[]),
            mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/dev/shm", "tmpfs", "shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
            mount("/sys/fs/cgroup", "cgroup", "cgroup", &["nosuid", "noexec", "nodev", "relatime", "ro"]),
        ],
        "linux": {
            "resources": { "devices": [{ "allow": false, "access": "rwm" }] },
            "namespaces": namespaces,
            "maskedPaths": [
                "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
                "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
            ],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        },
    })
}

/// What an ordinary user can have: a user namespace with one id, the host's network, no cgroup limits.
fn make_rootless(template: &mut Value) {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    template["linux"]["namespaces"] = namespaces(&["pid", "ipc", "uts", "mount", "user"]);
    template["linux"]["uidMappings"] = json!([{ "containerID": 0, "hostID": uid, "size": 1 }]);
    template["linux"]["gidMappings"] = json!([{ "containerID": 0, "hostID": gid, "size": 1 }]);
    if let Some(linux) = template["linux"].as_object_mut() {
        linux.remove("resources");
    }
    let Some(mounts) = template["mounts"].as_array_mut() else { return };
    for mount in mounts.iter_mut() {
        if let Some(options) = mount["options"].as_array_mut() {
            options.retain(|option| option != "gid=5");
        }
        if mount["type"] == "sysfs" {
            *mount = self::mount("/sys", "none", "/sys", &["rbind", "nosuid", "noexec", "nodev", "ro"]);
        }
    }
}

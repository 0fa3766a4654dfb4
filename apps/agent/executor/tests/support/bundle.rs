use super::unique;
use serde_json::{Value, json};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const APPLETS: &str = "sh ls cat echo sleep id ps mount umount ip true false env tty stty hostname head dd yes kill chmod chown ln mkdir mknod \
     touch readlink rm seq wc tr grep od ping wget nc stat trap dirname test mv cp unshare chroot sed";

/// Docker's default set.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];

/// A container to be: its layer of busybox, its configuration, and the request that creates it.
pub struct Bundle {
    pub id: String,
    pub path: PathBuf,
    pub layer: PathBuf,
    pub config: Value,
    pub networks: Vec<Value>,
    pub stdin: bool,
    pub stdin_once: bool,
    pub log: Value,
}

/// Debian's busybox-static as a root file system.
pub fn make_root(path: &Path) {
    for directory in ["bin", "proc", "dev", "sys", "tmp", "etc"] {
        std::fs::create_dir_all(path.join(directory)).unwrap();
    }
    std::fs::copy("/bin/busybox", path.join("bin/busybox")).expect("busybox-static is installed");
    for applet in APPLETS.split_whitespace() {
        symlink("busybox", path.join("bin").join(applet)).unwrap();
    }
    std::fs::write(path.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n").unwrap();
}

fn mount(destination: &str, kind: &str, options: &[&str]) -> Value {
    json!({ "destination": destination, "type": kind, "source": kind, "options": options })
}

impl Bundle {
    pub fn new(directory: &Path, cgroup_parent: &str) -> Self {
        let id = unique("c");
        let path = directory.join(&id);
        for part in ["upper", "work", "layer"] {
            std::fs::create_dir_all(path.join(part)).unwrap();
        }
        let layer = path.join("layer");
        make_root(&layer);
        let namespaces: Vec<Value> =
            ["mount", "network", "uts", "pid", "ipc", "cgroup"].iter().map(|kind| json!({ "type": kind })).collect();
        let config = json!({
            "ociVersion": "1.2.0",
            "process": {
                "user": { "uid": 0, "gid": 0 },
                "args": ["true"],
                "env": ["PATH=/bin"],
                "cwd": "/",
                "capabilities": { "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES },
            },
            "root": { "path": "rootfs" },
            "hostname": "box",
            "mounts": [
                mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
                mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
                mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
                mount("/sys/fs/cgroup", "cgroup", &["ro", "nosuid", "noexec", "nodev"]),
                mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=64m"]),
            ],
            "linux": {
                "cgroupsPath": format!("/{cgroup_parent}/{id}"),
                "resources": { "devices": [{ "allow": false, "access": "rwm" }], "pids": { "limit": 100 } },
                "namespaces": namespaces,
                "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware", "/proc/acpi"],
                "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            },
        });
        Self { id, path, layer, config, networks: Vec::new(), stdin: false, stdin_once: false, log: Value::Null }
    }

    pub fn args(mut self, args: &[&str]) -> Self {
        self.config["process"]["args"] = json!(args);
        self
    }

    pub fn sh(self, script: &str) -> Self {
        self.args(&["sh", "-c", script])
    }

    pub fn terminal(mut self) -> Self {
        self.config["process"]["terminal"] = json!(true);
        self.stdin = true;
        self
    }

    pub fn stdin(mut self, once: bool) -> Self {
        (self.stdin, self.stdin_once) = (true, once);
        self
    }

    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        self.config.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"))[key] = value;
        self
    }

    pub fn mount(mut self, mount: Value) -> Self {
        self.config["mounts"].as_array_mut().unwrap().push(mount);
        self
    }

    pub fn without_namespace(mut self, kind: &str) -> Self {
        self.config["linux"]["namespaces"].as_array_mut().unwrap().retain(|namespace| namespace["type"] != kind);
        self
    }

    pub fn log(mut self, max_size_bytes: u64, max_files: u32) -> Self {
        self.log = json!({ "path": self.log_path(), "maxSizeBytes": max_size_bytes, "maxFiles": max_files });
        self
    }

    pub fn log_path(&self) -> PathBuf {
        self.path.join("json.log")
    }

    pub fn write(&self) {
        std::fs::write(self.path.join("config.json"), self.config.to_string()).unwrap();
    }

    pub fn overlay(&self) -> Value {
        json!({ "lowerDirs": [self.layer], "upperDir": self.path.join("upper"), "workDir": self.path.join("work") })
    }

    pub fn create_request(&self) -> Value {
        json!({
            "containerId": self.id,
            "bundle": self.path,
            "rootfs": self.overlay(),
            "networks": self.networks,
            "stdin": self.stdin,
            "stdinOnce": self.stdin_once,
            "log": self.log,
        })
    }
}

//! A server under test with its own root, cgroup parent and bridge names, and clients for it and its shims. Everything is taken away on
//! drop, also when a test has failed. The tests need root and a kernel; nothing is simulated.
#![allow(dead_code, reason = "every test program uses its own part")]

pub mod bundle;
pub mod client;
pub mod runtime;

pub use bundle::Bundle;
pub use client::{Connection, Stream};

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Cargo builds the program before the tests that run it, one directory above them.
pub fn executor() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("gantry-executor")
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Unique on this machine, short enough for an interface name.
pub fn unique(prefix: &str) -> String {
    format!("{prefix}{:x}x{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
}

pub struct Server {
    pub directory: PathBuf,
    pub cgroup_parent: String,
    process: Child,
    connection: Connection,
}

impl Server {
    pub fn start() -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests need root");
        let directory = std::env::temp_dir().join(unique("gantry-executor-test-"));
        std::fs::create_dir_all(&directory).unwrap();
        let (process, connection) = launch(&directory);
        Self { directory, cgroup_parent: unique("gantry-test-"), process, connection }
    }

    pub fn root(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// As a crash would, and an agent after it.
    pub fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        (self.process, self.connection) = launch(&self.directory);
    }

    pub fn connect(&self) -> Connection {
        Connection::open(&self.directory.join("server.sock"))
    }

    /// The result, or the error.
    pub fn call(&mut self, operation: &str, arguments: Value) -> Result<Value, Value> {
        self.connection.call(operation, arguments)
    }

    pub fn ok(&mut self, operation: &str, arguments: Value) -> Value {
        self.call(operation, arguments).unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    pub fn bundle(&self) -> Bundle {
        Bundle::new(&self.directory, &self.cgroup_parent)
    }

    pub fn create(&mut self, bundle: &Bundle) -> Result<Value, Value> {
        bundle.write();
        self.call("container.create", bundle.create_request())
    }

    pub fn start_container(&mut self, bundle: &Bundle) -> Value {
        self.create(bundle).unwrap_or_else(|error| panic!("create: {error}"));
        self.ok("container.start", json!({ "containerId": bundle.id }))
    }

    /// Everything the container writes, and its exit status.
    pub fn run(&mut self, bundle: &Bundle) -> (String, Value) {
        self.create(bundle).unwrap_or_else(|error| panic!("create: {error}"));
        let mut stream = self.attach(&bundle.id, false);
        self.ok("container.start", json!({ "containerId": bundle.id }));
        let (output, exit) = stream.read_to_end();
        self.ok("container.delete", json!({ "containerId": bundle.id, "force": false }));
        (output, exit)
    }

    pub fn shim(&self, id: &str) -> Connection {
        Connection::open(&self.root().join(id).join("shim.sock"))
    }

    pub fn ask_shim(&self, id: &str, request: Value) -> Value {
        self.shim(id).ask(&request)
    }

    pub fn attach(&self, id: &str, stdin: bool) -> Stream {
        self.shim(id).stream(&json!({ "op": "attach", "processId": "init", "stdin": stdin, "stdout": true, "stderr": true }))
    }

    pub fn exec(&self, id: &str, process: Value, stdin: bool) -> Result<Stream, Value> {
        let process_id = format!("{:0>64}", unique("").replace('x', "a"));
        let mut connection = self.shim(id);
        let answer = connection.ask(&json!({ "op": "exec", "processId": process_id, "process": process, "stdin": stdin, "detach": false }));
        if answer["ok"] == true { Ok(Stream::new(connection)) } else { Err(answer["error"].clone()) }
    }

    pub fn sh(&self, id: &str, script: &str) -> (String, Value) {
        let process = json!({ "args": ["sh", "-c", script], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 } });
        self.exec(id, process, false).unwrap().read_to_end()
    }
}

fn launch(directory: &Path) -> (Child, Connection) {
    let socket = directory.join("server.sock");
    let _ = std::fs::remove_file(&socket);
    let root = directory.join("state");
    let process =
        Command::new(executor()).arg("serve").arg("--root").arg(root).arg("--socket").arg(&socket).stdin(Stdio::null()).spawn().unwrap();
    until("the server listens", || socket.exists());
    let connection = Connection::open(&socket);
    (process, connection)
}

impl Drop for Server {
    fn drop(&mut self) {
        let containers = self.call("container.list", json!({})).unwrap_or_default();
        for container in containers["containers"].as_array().into_iter().flatten() {
            let _ = self.call("container.delete", json!({ "containerId": container["containerId"], "force": true }));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Waits for something that takes its time; a test that would wait for ever fails.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within 2 min: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Cgroup directories of a parent's name, in every hierarchy.
pub fn cgroups_left(parent: &str) -> Vec<PathBuf> {
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = std::fs::read_dir(top).unwrap().flatten().map(|entry| entry.path());
    let directories = hierarchies.chain([top.to_owned()]).map(|hierarchy| hierarchy.join(parent));
    directories.filter(|path| path.exists()).collect()
}

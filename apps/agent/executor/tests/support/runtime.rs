use super::{Bundle, executor, unique};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The command line under test with its own root and cgroup parent.
pub struct Runtime {
    pub directory: PathBuf,
    pub cgroup_parent: String,
}

impl Runtime {
    pub fn new() -> Self {
        let directory = std::env::temp_dir().join(unique("gantry-cli-test-"));
        std::fs::create_dir_all(&directory).unwrap();
        Self { directory, cgroup_parent: unique("gantry-cli-") }
    }

    /// With a plain root file system, since there is no agent to mount one.
    pub fn bundle(&self) -> Bundle {
        let mut bundle = Bundle::new(&self.directory, &self.cgroup_parent);
        bundle.config["root"]["path"] = json!(bundle.layer);
        bundle
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(executor());
        command.arg("--root").arg(self.directory.join("state")).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Created with output nobody waits for: the container keeps it open.
    pub fn create(&self, bundle: &Bundle, more: &[&str]) {
        bundle.write();
        let path = bundle.path.to_str().unwrap();
        let arguments = [&["create", "--bundle", path], more, &[&bundle.id]].concat();
        let status = self.command(&arguments).stdout(Stdio::null()).stderr(Stdio::inherit()).status().unwrap();
        assert!(status.success());
    }

    pub fn state(&self, id: &str) -> Value {
        serde_json::from_str(&self.ok(&["state", id])).unwrap()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        for id in String::from_utf8_lossy(&self.run(&["list", "-q"]).stdout).lines() {
            self.run(&["delete", "--force", id]);
        }
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

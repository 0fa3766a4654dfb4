//! The command line as an ordinary user, who has no privilege outside the user namespaces it makes.

mod support;

use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::bundle::make_root;
use support::{executor, unique};

const USER: u32 = 4242;
/// What /etc/subuid and /etc/subgid give it.
const MORE_IDS: u32 = 300_000;

struct Home {
    path: PathBuf,
}

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(unique("gantry-rootless-"));
        make_root(&path.join("rootfs"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::copy(executor(), path.join("executor")).unwrap();
        let owner = format!("{USER}:{USER}");
        assert!(Command::new("chown").args(["-R", &owner]).arg(&path).status().unwrap().success());
        Self { path }
    }

    fn config(&self) -> PathBuf {
        self.path.join("config.json")
    }

    fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut config: Value = serde_json::from_slice(&std::fs::read(self.config()).unwrap()).unwrap();
        change(&mut config);
        std::fs::write(self.config(), config.to_string()).unwrap();
    }

    /// With names and ids of the user's own, seen by this command alone.
    fn command(&self, arguments: &[&str]) -> Command {
        let write = |name: &str, text: String| std::fs::write(self.path.join(name), text).unwrap();
        write("passwd", format!("root:x:0:0::/:/bin/sh\nsomebody:x:{USER}:{USER}::/:/bin/sh\n"));
        write("subids", format!("somebody:{MORE_IDS}:1000\n"));
        let script = "d=$1; shift; mount --bind $d/passwd /etc/passwd; touch /etc/subuid /etc/subgid; mount --bind $d/subids /etc/subuid; \
             mount --bind $d/subids /etc/subgid; cd $d; exec setpriv --reuid=$0 --regid=$0 --clear-groups $d/executor --root $d/state \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-ec", script, &USER.to_string()]).arg(&self.path).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        for id in String::from_utf8_lossy(&self.run(&["list", "-q"]).stdout).lines() {
            self.run(&["delete", "--force", id]);
        }
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

fn set_program(config: &mut Value, script: &str) {
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["sh", "-c", script]);
}

#[test]
fn an_ordinary_user_runs_containers_and_execs_into_them() {
    let home = Home::new();
    home.ok(&["spec", "--rootless"]);
    home.edit(|config| set_program(config, "id -u; cat /proc/self/uid_map; exit 3"));
    let output = home.run(&["run", "one"]);
    let said: Vec<String> = String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect();
    assert_eq!((output.status.code(), said.join(" ")), (Some(3), format!("0 0 {USER} 1")), "{output:?}");

    home.edit(|config| set_program(config, "exec sleep 1000"));
    let mut detached = home.command(&["run", "-d", "two"]);
    assert!(detached.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    assert_eq!(home.ok(&["exec", "two", "sh", "-c", "echo x > /dev/null; id -u; hostname"]), "0\nrunc\n");
    assert_eq!(home.run(&["exec", "two", "sh", "-c", "exit 7"]).status.code(), Some(7));
    let pid = serde_json::from_str::<Value>(&home.ok(&["state", "two"])).unwrap()["pid"].as_u64().unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&Path::new(&format!("/proc/{pid}")).metadata().unwrap());
    assert!([0, USER].contains(&owner));
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains(&format!("Uid:\t{USER}\t{USER}")), "{status}");
    home.ok(&["kill", "two", "KILL"]);
    home.ok(&["delete", "--force", "two"]);
    assert_eq!(home.ok(&["list", "-q"]), "");
}

#[test]
fn several_ids_are_mapped_by_newuidmap() {
    let home = Home::new();
    home.ok(&["spec", "--rootless"]);
    let maps = json!([{ "containerID": 0, "hostID": USER, "size": 1 }, { "containerID": 1, "hostID": MORE_IDS, "size": 1000 }]);
    home.edit(|config| {
        (config["linux"]["uidMappings"], config["linux"]["gidMappings"]) = (maps.clone(), maps);
        config["root"]["readonly"] = json!(false);
        let capabilities = json!(["CAP_CHOWN"]);
        config["process"]["capabilities"] = json!({ "bounding": capabilities, "effective": capabilities, "permitted": capabilities });
        set_program(config, "touch /tmp/file && chown 5:6 /tmp/file && stat -c %u:%g /tmp/file");
    });
    assert_eq!(home.ok(&["run", "one"]), "5:6\n");
    let file = home.path.join("rootfs/tmp/file").metadata().unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&file), MORE_IDS + 4);
}

#[test]
fn limits_without_a_cgroup_are_an_error() {
    let home = Home::new();
    home.ok(&["spec", "--rootless"]);
    home.edit(|config| {
        set_program(config, "true");
        config["linux"]["resources"] = json!({ "pids": { "limit": 10 } });
    });
    let output = home.run(&["run", "one"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("linux.resources"), "{output:?}");
}

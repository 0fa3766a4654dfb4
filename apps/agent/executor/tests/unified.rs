//! What only a host with cgroup v2 alone, and with AppArmor, can show. The virtual machine tests run this (tools/virtual-machine); the
//! profile `gantry-test` they load forbids /tmp/forbidden.

mod support;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::runtime::Runtime;
use support::{Bundle, Server, cgroups_left, until};

fn file(bundle: &Bundle, name: &str) -> String {
    let path = bundle.config["linux"]["cgroupsPath"].as_str().unwrap();
    let path = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/')).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).trim().to_owned()
}

fn keyed(bundle: &Bundle, name: &str, key: &str) -> u64 {
    let text = file(bundle, name);
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).unwrap_or_else(|| panic!("{key}: {text}"));
    value.parse().unwrap()
}

/// The numbers of the disk that holds the root file system.
fn disk() -> (u64, u64) {
    let numbers = std::fs::read_to_string("/sys/block/vda/dev").unwrap();
    let (major, minor) = numbers.trim().split_once(':').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}

fn device(kind: &str, major: u64, minor: u64, access: &str) -> Value {
    json!({ "allow": true, "type": kind, "major": major, "minor": minor, "access": access })
}

#[test]
fn every_limit_is_in_its_file() {
    let mut server = Server::start();
    let (major, minor) = disk();
    let rate = |rate: u64| json!([{ "major": major, "minor": minor, "rate": rate }]);
    let bundle = server
        .bundle()
        .args(&["sleep", "1000"])
        .set("/linux/resources/memory", json!({ "limit": 64 << 20, "swap": 96 << 20, "reservation": 32 << 20 }))
        .set("/linux/resources/cpu", json!({ "shares": 1024, "quota": 20000, "period": 50000, "burst": 10000, "cpus": "0", "mems": "0" }))
        .set("/linux/resources/pids", json!({ "limit": 33 }))
        .set("/linux/resources/hugepageLimits", json!([{ "pageSize": "2MB", "limit": 4 << 20 }]))
        .set(
            "/linux/resources/blockIO",
            json!({ "throttleReadBpsDevice": rate(1 << 20), "throttleWriteBpsDevice": rate(2 << 20), "throttleReadIOPSDevice": rate(300), "throttleWriteIOPSDevice": rate(400) }),
        )
        .set("/linux/resources/unified", json!({ "memory.high": "50331648", "cgroup.max.depth": "3" }));
    server.start_container(&bundle);
    let io = format!("{major}:{minor} rbps=1048576 wbps=2097152 riops=300 wiops=400");
    let expected = [
        ("memory.max", "67108864"),
        ("memory.low", "33554432"),
        ("memory.high", "50331648"),
        ("cpu.weight", "39"),
        ("cpu.max", "20000 50000"),
        ("cpu.max.burst", "10000"),
        ("cpuset.cpus", "0"),
        ("cpuset.mems", "0"),
        ("pids.max", "33"),
        ("hugetlb.2MB.max", "4194304"),
        ("io.max", &io),
        ("cgroup.max.depth", "3"),
    ];
    for (name, value) in expected {
        assert_eq!(file(&bundle, name), value, "{name}");
    }
}

#[test]
fn update_changes_what_it_names_and_keeps_the_rest() {
    let mut server = Server::start();
    let bundle = server
        .bundle()
        .args(&["sleep", "1000"])
        .set("/linux/resources/memory", json!({ "limit": 64 << 20 }))
        .set("/linux/resources/cpu", json!({ "quota": 20000, "period": 50000 }))
        .set("/linux/resources/devices", json!([{ "allow": false, "access": "rwm" }, device("c", 1, 11, "rwm")]));
    server.start_container(&bundle);
    let read_kernel_log = "mknod /tmp/kmsg c 1 11 2>/dev/null; head -c1 /tmp/kmsg >/dev/null && echo may";
    assert_eq!(server.sh(&bundle.id, read_kernel_log).0, "may\n");
    let resources = json!({ "cpu": { "quota": 30000 }, "pids": { "limit": 44 } });
    server.ok("container.update", json!({ "containerId": bundle.id, "resources": resources }));
    assert_eq!(file(&bundle, "cpu.max"), "30000 50000");
    assert_eq!((file(&bundle, "pids.max"), file(&bundle, "memory.max")), ("44".into(), "67108864".into()));
    assert_eq!(server.sh(&bundle.id, read_kernel_log).0, "may\n", "an update without device rules took them away");
    // New rules take the place of old ones, whether narrower or wider.
    for (allowed, expected) in [(false, "Operation not permitted"), (true, "may")] {
        let devices = if allowed { json!([device("c", 1, 11, "rwm")]) } else { json!([{ "allow": false, "access": "rwm" }]) };
        server.ok("container.update", json!({ "containerId": bundle.id, "resources": { "devices": devices } }));
        let (output, _) = server.sh(&bundle.id, &format!("{{ {read_kernel_log}; }} 2>&1"));
        assert!(output.contains(expected), "{allowed}: {output}");
    }
}

#[test]
fn update_on_the_command_line_takes_options_and_a_file() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    runtime.ok(&["update", "--memory", "32M", "--memory-swap", "48M", "--pids-limit", "20", "--cpu-share", "2048", &bundle.id]);
    assert_eq!((file(&bundle, "memory.max"), file(&bundle, "pids.max")), ("33554432".into(), "20".into()));
    let path = bundle.path.join("resources.json");
    std::fs::write(&path, json!({ "memory": { "limit": 16 << 20 }, "unified": { "memory.high": "12582912" } }).to_string()).unwrap();
    runtime.ok(&["update", "--resources", path.to_str().unwrap(), &bundle.id]);
    assert_eq!((file(&bundle, "memory.max"), file(&bundle, "memory.high")), ("16777216".into(), "12582912".into()));
    assert_eq!(file(&bundle, "pids.max"), "20");
}

#[test]
fn the_device_filter_knows_type_numbers_and_access() {
    let mut server = Server::start();
    let (major, minor) = disk();
    let rules = json!([{ "allow": false, "access": "rwm" }, device("b", major, minor, "rm"), device("c", 10, 200, "w")]);
    let script = format!(
        "cd /tmp; mknod disk b {major} {minor}; mknod other b {major} 77; mknod kmsg c 1 11
         head -c1 disk >/dev/null && echo reads; (: > disk) 2>&1; head -c1 other 2>&1; cat kmsg 2>&1; echo x > /dev/null && echo null"
    );
    let bundle = server.bundle().sh(&script).set("/linux/resources/devices", rules);
    let (output, _) = server.run(&bundle);
    assert!(output.contains("reads\n") && output.ends_with("null\n"), "{output}");
    assert_eq!(output.matches("Operation not permitted").count(), 3, "{output}");
}

#[test]
fn a_busy_program_is_throttled() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("while :; do :; done").set("/linux/resources/cpu", json!({ "quota": 2000, "period": 100_000 }));
    server.start_container(&bundle);
    until("it is throttled", || {
        let stats = server.ok("container.stats", json!({ "containerId": bundle.id }));
        stats["cpu"]["throttledPeriods"].as_u64() > Some(2)
    });
}

#[test]
fn disk_traffic_is_counted() {
    let mut server = Server::start();
    let (major, minor) = disk();
    let bundle = server
        .bundle()
        .sh(&format!("mknod /tmp/disk b {major} {minor}; dd if=/tmp/disk of=/dev/null bs=1M count=4 skip=600 2>/dev/null; exec sleep 1000"))
        .set("/linux/resources/devices", json!([device("b", major, minor, "r")]));
    server.start_container(&bundle);
    until("its reads are counted", || {
        let stats = server.ok("container.stats", json!({ "containerId": bundle.id }));
        stats["blockIo"]["readBytes"].as_u64() >= Some(4 << 20)
    });
}

#[test]
fn pausing_freezes_the_cgroup_and_keeps_exec_out() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    runtime.ok(&["pause", &bundle.id]);
    assert_eq!((file(&bundle, "cgroup.freeze").as_str(), keyed(&bundle, "cgroup.events", "frozen")), ("1", 1));
    assert_eq!(runtime.state(&bundle.id)["status"], "paused");
    assert!(!runtime.run(&["exec", &bundle.id, "true"]).status.success());
    runtime.ok(&["resume", &bundle.id]);
    until("it is thawed", || keyed(&bundle, "cgroup.events", "frozen") == 0);
    runtime.ok(&["exec", &bundle.id, "true"]);
    runtime.ok(&["pause", &bundle.id]);
    runtime.ok(&["delete", "--force", &bundle.id]);
    assert_eq!(cgroups_left(&runtime.cgroup_parent), Vec::<PathBuf>::new());
}

#[test]
fn everything_in_the_cgroup_is_killed_also_without_a_pid_namespace() {
    let runtime = Runtime::new();
    // Each leaves its session, so that no signal to a group or a parent could reach it.
    let script = "for i in 1 2 3 4 5; do (while :; do (sleep 1000 &) ; sleep 0.05; done) & done; exec sleep 1000";
    let bundle = runtime.bundle().sh(script).without_namespace("pid").set("/linux/resources/pids", json!({ "limit": 200 }));
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    until("it forks", || file(&bundle, "cgroup.procs").lines().count() > 10);
    let pids: Vec<String> = file(&bundle, "cgroup.procs").lines().map(str::to_owned).collect();
    runtime.ok(&["delete", "--force", &bundle.id]);
    assert_eq!(cgroups_left(&runtime.cgroup_parent), Vec::<PathBuf>::new());
    let is_ours = |pid: &&String| std::fs::read_to_string(format!("/proc/{pid}/cgroup")).is_ok_and(|text| text.contains(&bundle.id));
    assert_eq!(pids.iter().filter(is_ours).count(), 0);
}

#[test]
fn events_tells_what_the_kernel_counts() {
    let runtime = Runtime::new();
    let bundle = runtime
        .bundle()
        .sh("head -c 3000000 /dev/zero > /tmp/page; exec sleep 1000")
        .set("/linux/resources/memory", json!({ "limit": 64 << 20, "swap": 96 << 20 }));
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    let stats = || -> Value { serde_json::from_str(&runtime.ok(&["events", "--stats", &bundle.id])).unwrap() };
    let mut data = Value::Null;
    until("its page cache is counted, and it sleeps alone", || {
        data = stats()["data"].clone();
        data["memory"]["usage"]["usage"].as_u64() > Some(3_000_000) && data["pids"]["current"] == 1
    });
    assert_eq!((data["memory"]["usage"]["limit"].as_u64(), data["memory"]["swap"]["limit"].as_u64()), (Some(64 << 20), Some(96 << 20)));
    assert_eq!(data["pids"]["limit"], 100);
    assert!(data["cpu"]["usage"]["total"].as_u64() > Some(0) && data["memory"]["raw"]["anon"].is_u64(), "{data}");
}

#[test]
fn the_container_sees_its_own_cgroup_read_only() {
    let mut server = Server::start();
    let script = "cat /proc/self/cgroup; cat /sys/fs/cgroup/pids.max; mkdir /sys/fs/cgroup/x 2>&1; ls /sys/fs/cgroup/cgroup.procs";
    let (output, _) = server.run(&server.bundle().sh(script));
    assert!(output.starts_with("0::/\n100\n") && output.contains("Read-only file system"), "{output}");
    assert!(output.ends_with("/sys/fs/cgroup/cgroup.procs\n"), "{output}");
}

#[test]
fn exec_goes_below_the_containers_cgroup_when_asked_to() {
    let runtime = Runtime::new();
    let writable = json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"] });
    let mut bundle = runtime.bundle().args(&["sleep", "1000"]);
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/sys/fs/cgroup");
    let bundle = bundle.mount(writable);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    runtime.ok(&["exec", &bundle.id, "mkdir", "/sys/fs/cgroup/below"]);
    assert_eq!(runtime.ok(&["exec", "--cgroup", "below", &bundle.id, "cat", "/proc/self/cgroup"]), "0::/below\n");
    assert!(!runtime.run(&["exec", "--cgroup", "../..", &bundle.id, "true"]).status.success());
    assert!(!runtime.run(&["exec", "--cgroup", "absent", &bundle.id, "true"]).status.success());
}

#[test]
fn exec_follows_a_container_that_has_handed_its_controllers_on() {
    let runtime = Runtime::new();
    let writable = json!({ "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["rw"] });
    let script = "cd /sys/fs/cgroup && mkdir init && echo 1 > init/cgroup.procs && echo +pids > cgroup.subtree_control && exec sleep 1000";
    let mut bundle = runtime.bundle().sh(script);
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/sys/fs/cgroup");
    let bundle = bundle.mount(writable);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    until("it has handed a controller on", || file(&bundle, "cgroup.subtree_control") == "pids");
    assert_eq!(runtime.ok(&["exec", &bundle.id, "cat", "/proc/self/cgroup"]), "0::/init\n");
    let resources = ["update", "--pids-limit", "50", &bundle.id];
    runtime.ok(&resources);
    assert_eq!(file(&bundle, "pids.max"), "50");
}

const READ_PROFILE: &str = "cat /proc/self/attr/current; echo x > /tmp/forbidden; echo $?";

#[test]
fn the_apparmor_profile_confines_run_and_exec() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh(READ_PROFILE).set("/process/apparmorProfile", json!("gantry-test"));
    bundle.write();
    let confined = "gantry-test (enforce)\n1\n";
    assert_eq!(runtime.ok(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]), confined);
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    assert!(runtime.ok(&["exec", &bundle.id, "sh", "-c", READ_PROFILE]).starts_with("unconfined\n"));
    assert_eq!(runtime.ok(&["exec", "--apparmor", "gantry-test", &bundle.id, "sh", "-c", READ_PROFILE]), confined);
    let bundle = runtime.bundle().args(&["sleep", "1000"]).set("/process/apparmorProfile", json!("gantry-test"));
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    assert_eq!(runtime.ok(&["exec", &bundle.id, "sh", "-c", READ_PROFILE]), confined);
}

#[test]
fn the_apparmor_profile_confines_under_the_server_too() {
    let mut server = Server::start();
    let bundle = server.bundle().sh(READ_PROFILE).set("/process/apparmorProfile", json!("gantry-test"));
    assert!(server.run(&bundle).0.starts_with("gantry-test (enforce)\n"));
    let bundle = server.bundle().args(&["sleep", "1000"]).set("/process/apparmorProfile", json!("gantry-test"));
    server.start_container(&bundle);
    let process = json!({
        "args": ["sh", "-c", READ_PROFILE], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
        "noNewPrivileges": true, "apparmorProfile": "gantry-test",
    });
    assert!(server.exec(&bundle.id, process, false).unwrap().read_to_end().0.starts_with("gantry-test (enforce)\n"));
}

#[test]
fn an_apparmor_profile_that_is_not_loaded_is_an_error_that_names_it() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().set("/process/apparmorProfile", json!("no-such-profile"));
    bundle.write();
    let output = runtime.run(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("no-such-profile"));
    assert_eq!((runtime.ok(&["list", "-q"]).as_str(), cgroups_left(&runtime.cgroup_parent)), ("", Vec::new()));
}

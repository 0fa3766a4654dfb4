//! From create to delete, and what survives whose death.

mod support;

use serde_json::{Value, json};
use support::{Server, cgroups_left, until};

fn code(error: &Value) -> &str {
    error["code"].as_str().unwrap()
}

#[test]
fn runs_a_program_and_tells_how_it_ended() {
    let mut server = Server::start();
    // It waits for the end of its input, so that it still runs when the start is answered.
    let bundle = server.bundle().sh("cat; echo out; echo err >&2; hostname; id -u; exit 7").stdin(true).log(0, 1);
    let created = server.create(&bundle).unwrap();
    assert_eq!((created["status"].as_str(), created["exit"].is_null()), (Some("created"), true));
    let mut stream = server.attach(&bundle.id, true);
    let started = server.ok("container.start", json!({ "containerId": bundle.id }));
    assert_eq!(started["pid"], created["pid"]);
    stream.end_input();
    let (output, exit) = stream.read_to_end();
    assert_eq!((exit["code"].as_i64(), exit["signal"].is_null()), (Some(7), true));
    for line in ["out\n", "err\n", "box\n", "0\n"] {
        assert!(output.contains(line), "{output}");
    }
    let stopped = server.ok("container.state", json!({ "containerId": bundle.id }));
    assert_eq!((stopped["status"].as_str(), stopped["pid"].as_i64(), &stopped["exit"]), (Some("stopped"), Some(0), &exit));
    let log = std::fs::read_to_string(bundle.log_path()).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line["log"] == "err\n" && line["stream"] == "stderr"), "{log}");
    server.ok("container.delete", json!({ "containerId": bundle.id, "force": false }));
    assert_eq!(server.ok("container.list", json!({}))["containers"], json!([]));
    assert_eq!(cgroups_left(&server.cgroup_parent), Vec::<std::path::PathBuf>::new());
}

#[test]
fn says_what_is_wrong_with_the_program_and_leaves_nothing() {
    let mut server = Server::start();
    let missing = server.bundle().args(&["no-such-program"]);
    let error = server.create(&missing).unwrap_err();
    assert_eq!(code(&error), "command-not-found");
    assert!(error["message"].as_str().unwrap().contains("executable file not found in $PATH"));
    let plain_file = server.bundle().args(&["/etc/passwd"]);
    assert_eq!(code(&server.create(&plain_file).unwrap_err()), "permission-denied");
    let directory = server.bundle().args(&["/etc"]);
    assert_eq!(code(&server.create(&directory).unwrap_err()), "permission-denied");
    let bad_field = server.bundle().set("/process/user/uid", json!("root"));
    let error = server.create(&bad_field).unwrap_err();
    assert_eq!((code(&error), error["field"].as_str()), ("invalid", Some("process.user.uid")));
    assert_eq!(server.ok("container.list", json!({}))["containers"], json!([]));
    assert_eq!(cgroups_left(&server.cgroup_parent), Vec::<std::path::PathBuf>::new());
    assert_eq!(std::fs::read_dir(server.root()).unwrap().count(), 0);
}

#[test]
fn a_script_without_interpreter_fails_at_start() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["/bin/script"]);
    let script = bundle.layer.join("bin/script");
    std::fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    server.create(&bundle).unwrap();
    let error = server.call("container.start", json!({ "containerId": bundle.id })).unwrap_err();
    assert_eq!(code(&error), "command-not-found");
    until("it is stopped", || server.ok("container.state", json!({ "containerId": bundle.id }))["status"] == "stopped");
}

#[test]
fn refuses_what_the_state_does_not_allow() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    let id = json!({ "containerId": bundle.id });
    let refused = |server: &mut Server, operation: &str, arguments: Value| code(&server.call(operation, arguments).unwrap_err()).to_owned();
    assert_eq!(refused(&mut server, "container.start", id.clone()), "not-found");
    assert_eq!(refused(&mut server, "container.state", json!({ "containerId": "../../etc" })), "invalid");
    server.start_container(&bundle);
    assert_eq!(code(&server.create(&bundle).unwrap_err()), "exists");
    assert_eq!(refused(&mut server, "container.start", id.clone()), "wrong-state");
    assert_eq!(refused(&mut server, "container.resume", id.clone()), "wrong-state");
    assert_eq!(refused(&mut server, "container.delete", json!({ "containerId": bundle.id, "force": false })), "wrong-state");
    server.ok("container.delete", json!({ "containerId": bundle.id, "force": true }));
    assert_eq!(refused(&mut server, "container.delete", json!({ "containerId": bundle.id, "force": false })), "not-found");
    server.ok("container.delete", json!({ "containerId": bundle.id, "force": true }));
}

#[test]
fn containers_outlive_the_server() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("echo before; read line; echo got $line; exit 3").stdin(false).log(0, 1);
    let started = server.start_container(&bundle);
    server.restart();
    let listed = server.ok("container.list", json!({}))["containers"].clone();
    assert_eq!((listed[0]["pid"].clone(), listed[0]["status"].as_str()), (started["pid"].clone(), Some("running")));
    let mut stream = server.attach(&bundle.id, true);
    stream.write(b"hello\n");
    let (output, exit) = stream.read_to_end();
    assert_eq!((output.as_str(), exit["code"].as_i64()), ("got hello\n", Some(3)));
    assert!(std::fs::read_to_string(bundle.log_path()).unwrap().contains("before"));
}

/// The server's children, with their arguments.
fn children(server: &Server) -> Vec<(i32, String)> {
    let pids = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.pid())).unwrap();
    let arguments = |pid: i32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ");
    pids.split_whitespace().map(|pid| pid.parse().unwrap()).map(|pid| (pid, arguments(pid))).collect()
}

#[test]
fn a_spare_shim_waits_for_the_next_container_and_goes_with_the_server() {
    let mut server = Server::start();
    let spare = |server: &Server| children(server).into_iter().find(|(_, arguments)| arguments.contains("shim -")).map(|(pid, _)| pid);
    until("there is a spare shim", || spare(&server).is_some());
    let first = spare(&server).unwrap();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    let state = server.start_container(&bundle);
    assert_eq!(state["shimPid"].as_i64(), Some(first.into()));
    let (_, arguments) = children(&server).into_iter().find(|(pid, _)| *pid == first).unwrap();
    assert!(arguments.trim_end().ends_with(&format!("shim {}", bundle.id)), "{arguments}");

    until("there is the next", || spare(&server).is_some());
    let killed = rustix::process::Pid::from_raw(spare(&server).unwrap()).unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).unwrap();
    until("it is dead", || spare(&server).is_none());
    let (output, exit) = server.run(&server.bundle().sh("echo hello"));
    assert_eq!((output.as_str(), exit["code"].as_i64()), ("hello\n", Some(0)));

    until("there is one again", || spare(&server).is_some());
    let orphan = spare(&server).unwrap();
    server.restart();
    until("the spare shim goes with its server", || {
        !std::fs::read_to_string(format!("/proc/{orphan}/cmdline")).unwrap_or_default().contains("shim")
    });
    assert_eq!(server.ok("container.state", json!({ "containerId": bundle.id }))["status"], "running");
}

#[test]
fn the_shim_is_in_nobody_elses_session_group_or_cgroup() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    let shim = server.start_container(&bundle)["shimPid"].as_i64().unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{shim}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!([fields[2], fields[3]], [shim.to_string(), shim.to_string()], "process group and session");
    let cgroups = std::fs::read_to_string(format!("/proc/{shim}/cgroup")).unwrap();
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    for (of_shim, ours) in cgroups.lines().zip(own.lines()) {
        assert!(ours.ends_with(":/") || of_shim != ours, "the shim can be killed with our cgroup {ours}");
    }
}

#[test]
fn a_state_from_before_a_reboot_is_never_taken_for_a_live_process() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    let path = server.root().join(&bundle.id).join("state.json");
    let before = std::fs::read_to_string(&path).unwrap();
    let mut record: Value = serde_json::from_str(&before).unwrap();
    record["bootId"] = json!("00000000-0000-0000-0000-000000000000");
    std::fs::write(&path, record.to_string()).unwrap();
    let state = server.ok("container.state", json!({ "containerId": bundle.id }));
    assert_eq!((state["status"].as_str(), state["pid"].as_i64()), (Some("stopped"), Some(0)));
    assert_eq!(
        code(&server.call("container.kill", json!({ "containerId": bundle.id, "signal": 9, "all": false })).unwrap_err()),
        "wrong-state"
    );
    // A pid that now belongs to somebody else is known by its birth.
    let mut record: Value = serde_json::from_str(&before).unwrap();
    record["process"] = json!({ "pid": std::process::id(), "start": 1 });
    std::fs::write(&path, record.to_string()).unwrap();
    assert_eq!(server.ok("container.state", json!({ "containerId": bundle.id }))["status"], "stopped");
    std::fs::write(&path, before).unwrap();
}

#[test]
fn the_exit_is_on_disk_when_a_waiter_hears_of_it() {
    let mut server = Server::start();
    for expected in [0, 1, 255] {
        let bundle = server.bundle().sh(&format!("exit {expected}"));
        server.create(&bundle).unwrap();
        let path = server.root().join(&bundle.id).join("exit");
        let mut waiting = server.shim(&bundle.id);
        server.ok("container.start", json!({ "containerId": bundle.id }));
        let answer = waiting.ask(&json!({ "op": "wait", "processId": "init" }));
        // A checksum, the length of the JSON, the JSON.
        let slot = std::fs::read(path).unwrap();
        let length = u32::from_le_bytes(slot[8..12].try_into().unwrap()) as usize;
        let record: Value = serde_json::from_slice(&slot[12..12 + length]).unwrap();
        assert_eq!((&record, record["code"].as_i64()), (&answer["exit"], Some(expected)));
    }
}

#[test]
fn kills_with_one_signal_or_everything() {
    let mut server = Server::start();
    let trap = server.bundle().sh("trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done");
    server.create(&trap).unwrap();
    let mut stream = server.attach(&trap.id, false);
    server.ok("container.start", json!({ "containerId": trap.id }));
    stream.read_until("ready");
    server.ok("container.kill", json!({ "containerId": trap.id, "signal": 15, "all": false }));
    let (output, exit) = stream.read_to_end();
    assert!(output.contains("term") && exit["code"] == 9, "{output} {exit}");

    // With the host's pid namespace nothing ends by itself when the first process does.
    let shared = server.bundle().sh("sleep 1000 & sleep 1001 & exec sleep 1002").without_namespace("pid");
    server.start_container(&shared);
    until("all three run", || server.ok("container.processes", json!({ "containerId": shared.id }))["pids"].as_array().unwrap().len() == 3);
    let pids = server.ok("container.processes", json!({ "containerId": shared.id }))["pids"].clone();
    let mut waiting = server.shim(&shared.id);
    server.ok("container.kill", json!({ "containerId": shared.id, "signal": 9, "all": false }));
    assert_eq!(waiting.ask(&json!({ "op": "wait", "processId": "init" }))["exit"]["code"], 137);
    for pid in pids.as_array().unwrap() {
        until("they are gone", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
    }
}

#[test]
fn many_containers_leave_nothing() {
    let mut server = Server::start();
    let descriptors = |server: &Server| std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap().count();
    // Ours name our directory, as mount point or as layer; others come and go beside us.
    let directory = server.directory.to_str().unwrap().to_owned();
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap().lines().filter(|line| line.contains(&directory)).count();
    server.run(&server.bundle().args(&["true"]));
    let before = descriptors(&server);
    for _ in 0..30 {
        let bundle = server.bundle().args(&["true"]);
        server.run(&bundle);
        std::fs::remove_dir_all(&bundle.path).unwrap();
    }
    until("descriptors are back", || descriptors(&server) <= before);
    assert_eq!(mounts(), 0);
    assert_eq!(cgroups_left(&server.cgroup_parent), Vec::<std::path::PathBuf>::new());
    assert_eq!(std::fs::read_dir(server.root()).unwrap().count(), 0);
}

/// What a leak would add to: descriptors, threads, children and KiB of the server's own memory.
fn held_by(server: &Server) -> (usize, usize, usize, u64) {
    let of = |part: &str| format!("/proc/{}/{part}", server.pid());
    let count = |part: &str| std::fs::read_dir(of(part)).unwrap().count();
    let children = std::fs::read_to_string(of(&format!("task/{}/children", server.pid()))).unwrap().split_whitespace().count();
    let status = std::fs::read_to_string(of("status")).unwrap();
    let memory = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.parse().ok()).unwrap();
    (count("fd"), count("task"), children, memory)
}

/// What the whole machine holds: told when the loop below is made long, on a machine where nothing else goes on.
fn held_by_the_host() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str, at: usize| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(at).unwrap_or("?").to_owned()
    };
    let cgroups: u64 = read("/proc/cgroups").lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<u64>().ok()).sum();
    let (memory, slabs) = (read("/proc/meminfo"), read("/proc/slabinfo"));
    format!(
        "{} descriptors, {} mounts, {cgroups} cgroups, {} network namespaces, {} KiB available, {} KiB of unreclaimable slab",
        field(&read("/proc/sys/fs/file-nr"), "", 0),
        read("/proc/self/mountinfo").lines().count(),
        field(&slabs, "net_namespace", 1),
        field(&memory, "MemAvailable", 1),
        field(&memory, "SUnreclaim", 1)
    )
}

/// GANTRY_TEST_CONTAINERS=10000 makes more of them.
#[test]
fn a_hundred_containers_one_after_another_leave_nothing() {
    let count: u32 = std::env::var("GANTRY_TEST_CONTAINERS").map_or(100, |count| count.parse().unwrap());
    const ENOUGH_TO_WARM_UP: u32 = 20;
    /// A leak of 40 KiB for each container is more.
    const MAX_GROWTH_KIBIBYTES: u64 = 4096;
    let mut server = Server::start();
    let bundle = server.bundle().sh("echo hello").log(0, 1);
    for _ in 0..ENOUGH_TO_WARM_UP {
        server.run(&bundle);
    }
    until("the server has no child but the spare shim", || held_by(&server).2 == 1);
    let before = held_by(&server);
    let before_on_host = held_by_the_host();
    for _ in 0..count {
        let (output, exit) = server.run(&bundle);
        assert_eq!((output.as_str(), exit["code"].as_i64()), ("hello\n", Some(0)));
    }
    until("the server holds no more than before", || {
        let now = held_by(&server);
        now.0 <= before.0 && now.1 <= before.1 && now.2 <= before.2
    });
    eprintln!("after {count} containers the server holds {:?}, before {before:?} (descriptors, threads, children, KiB)", held_by(&server));
    eprintln!("before: {before_on_host}\nafter:  {}", held_by_the_host());
    let grown = held_by(&server).3.saturating_sub(before.3);
    assert!(grown <= MAX_GROWTH_KIBIBYTES, "the server has grown by {grown} KiB");
    assert_eq!(cgroups_left(&server.cgroup_parent), Vec::<std::path::PathBuf>::new());
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!mounts.contains(server.directory.to_str().unwrap()), "{mounts}");
    assert_eq!(std::fs::read_dir(server.root()).unwrap().count(), 0);
}

//! runc's command line, as dockerd, containerd and podman use it.

mod support;

use serde_json::{Value, json};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use support::runtime::Runtime;
use support::{Bundle, cgroups_left, executor, unique, until};

#[test]
fn the_life_of_a_container() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    let pid_file = bundle.path.join("pid");
    runtime.create(&bundle, &["--pid-file", pid_file.to_str().unwrap()]);
    let state = runtime.state(&bundle.id);
    assert_eq!((state["status"].as_str(), state["ociVersion"].as_str()), (Some("created"), Some("1.3.0")));
    assert_eq!(std::fs::read_to_string(&pid_file).unwrap(), state["pid"].to_string());
    runtime.ok(&["start", &bundle.id]);
    assert_eq!(runtime.state(&bundle.id)["status"], "running");
    assert!(!runtime.run(&["start", &bundle.id]).status.success());
    let pids: Vec<i64> = serde_json::from_str(&runtime.ok(&["ps", "--format", "json", &bundle.id])).unwrap();
    assert_eq!(json!(pids), json!([state["pid"]]));
    runtime.ok(&["pause", &bundle.id]);
    assert_eq!(runtime.state(&bundle.id)["status"], "paused");
    runtime.ok(&["resume", &bundle.id]);
    let list: Value = serde_json::from_str(&runtime.ok(&["list", "--format", "json"])).unwrap();
    assert_eq!(list[0]["id"], json!(bundle.id));
    assert!(!runtime.run(&["delete", &bundle.id]).status.success(), "a running container was deleted");
    runtime.ok(&["kill", &bundle.id, "9"]);
    until("it is stopped", || runtime.state(&bundle.id)["status"] == "stopped");
    assert!(!runtime.run(&["kill", &bundle.id, "TERM"]).status.success());
    runtime.ok(&["delete", &bundle.id]);
    assert!(!runtime.run(&["state", &bundle.id]).status.success());
    assert_eq!(cgroups_left(&runtime.cgroup_parent), Vec::<PathBuf>::new());
}

#[test]
fn run_passes_stdio_and_status_through() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh("echo out; echo err >&2; exit 42");
    bundle.write();
    let output = runtime.run(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    assert_eq!((output.status.code(), &*output.stdout, &*output.stderr), (Some(42), &b"out\n"[..], &b"err\n"[..]));
    assert_eq!(runtime.ok(&["list", "-q"]), "");
}

#[test]
fn unknown_capabilities_are_a_warning() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh("grep CapEff /proc/self/status");
    let names = json!(["CAP_CHOWN", "CAP_OF_TOMORROW"]);
    let bundle = bundle.set("/process/capabilities", json!({ "bounding": names, "effective": names, "permitted": names }));
    bundle.write();
    let output = runtime.run(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"CapEff:\t0000000000000001\n"[..]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("CAP_OF_TOMORROW"));
}

#[test]
fn exec_runs_beside_and_tells_the_status() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    let output =
        runtime.run(&["exec", "-u", "1000:1000", "--cwd", "/tmp", "-e", "A=B", &bundle.id, "sh", "-c", "id -u; pwd; echo $A; exit 7"]);
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stdout).as_ref()), (Some(7), "1000\n/tmp\nB\n"));
    let process = bundle.path.join("process.json");
    std::fs::write(
        &process,
        json!({ "args": ["echo", "from a file"], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 } }).to_string(),
    )
    .unwrap();
    let pid_file = bundle.path.join("exec.pid");
    let arguments = ["exec", "--process", process.to_str().unwrap(), "--pid-file", pid_file.to_str().unwrap(), &bundle.id];
    assert_eq!(runtime.ok(&arguments), "from a file\n");
    assert!(std::fs::read_to_string(pid_file).unwrap().parse::<u32>().is_ok());
    let output = runtime.run(&["exec", &bundle.id, "no-such-program"]);
    assert_eq!(output.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&output.stderr).contains("executable file not found in $PATH"));
    assert!(!runtime.run(&["exec", "-u", "root", &bundle.id, "id"]).status.success());
}

#[test]
fn exec_enters_no_cgroup_that_is_not_below_the_containers() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    for (cgroup, why) in [
        ("..", " .. is not a sub cgroup path"),
        ("nonexistent", "/nonexistent/cgroup.procs: no such file"),
        ("none:/", "unknown controller none"),
    ] {
        let output = runtime.run(&["exec", "--cgroup", cgroup, &bundle.id, "true"]);
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(why), "{cgroup}: {output:?}");
    }
    runtime.ok(&["exec", "--cgroup", "/", &bundle.id, "true"]);
}

#[test]
fn events_are_lines_that_begin_with_kind_and_id() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&bundle, &[]);
    runtime.ok(&["start", &bundle.id]);
    let line = runtime.ok(&["events", &bundle.id, "--stats"]);
    assert!(line.starts_with(&format!(r#"{{"type":"stats","id":"{}","data":{{"#, bundle.id)), "{line}");
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["data"]["pids"]["current"], 1);
}

#[test]
fn errors_are_one_json_line_in_the_log() {
    let runtime = Runtime::new();
    let log = runtime.directory.join("log.json");
    let output = runtime.run(&["--log", log.to_str().unwrap(), "--log-format", "json", "start", "nobody"]);
    assert_eq!(output.status.code(), Some(1));
    let line: Value = serde_json::from_str(std::fs::read_to_string(log).unwrap().trim()).unwrap();
    assert_eq!((line["level"].as_str(), line["msg"].as_str()), (Some("error"), Some("container nobody does not exist")));
    assert!(String::from_utf8_lossy(&output.stderr).contains("does not exist"));
}

#[test]
fn the_terminal_goes_to_the_console_socket() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh("tty").set("/process/terminal", json!(true));
    let path = bundle.path.join("console.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let receiver = std::thread::spawn(move || receive_descriptor(&listener));
    runtime.create(&bundle, &["--console-socket", path.to_str().unwrap()]);
    let mut console = std::fs::File::from(receiver.join().unwrap());
    runtime.ok(&["start", &bundle.id]);
    let mut output = String::new();
    // Ends in EIO when the last user of the terminal is gone.
    let _ = console.read_to_string(&mut output);
    assert_eq!(output, "/dev/pts/0\r\n");
}

fn receive_descriptor(listener: &UnixListener) -> OwnedFd {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let (stream, _) = listener.accept().unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 64];
    recvmsg(&stream, &mut [std::io::IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::empty()).unwrap();
    let rights = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    rights.expect("a descriptor")
}

#[test]
fn hooks_run_in_order_with_the_state_on_stdin() {
    let runtime = Runtime::new();
    let log = runtime.directory.join("hooks");
    let hook = |name: &str| {
        let script = format!("echo {name} $(cat | grep -o '\"status\":\"[a-z]*\"') >> {}", log.display());
        json!([{ "path": "/bin/sh", "args": ["sh", "-c", script], "timeout": 10 }])
    };
    let hooks = json!({
        "prestart": hook("prestart"), "createRuntime": hook("createRuntime"), "createContainer": hook("createContainer"),
        "poststart": hook("poststart"), "poststop": hook("poststop"),
    });
    let bundle = runtime.bundle().args(&["true"]).set("/hooks", hooks);
    bundle.write();
    runtime.ok(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    let expected = [
        ("prestart", "creating"),
        ("createRuntime", "creating"),
        ("createContainer", "created"),
        ("poststart", "running"),
        ("poststop", "stopped"),
    ];
    let expected: String = expected.iter().map(|(name, status)| format!("{name} \"status\":\"{status}\"\n")).collect();
    assert_eq!(std::fs::read_to_string(&log).unwrap(), expected);
    let failing = runtime
        .bundle()
        .set("/hooks", json!({ "createRuntime": [{ "path": "/bin/sh", "args": ["sh", "-c", "echo no >&2; seq 1 50000 >&2; exit 1"] }] }));
    failing.write();
    let output = runtime.run(&["run", "-b", failing.path.to_str().unwrap(), &failing.id]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains(r"stderr: no\n1\n2\n"));
    assert_eq!(runtime.ok(&["list", "-q"]), "");
    let stuck =
        runtime.bundle().set("/hooks", json!({ "createRuntime": [{ "path": "/bin/sleep", "args": ["sleep", "1000"], "timeout": 1 }] }));
    stuck.write();
    let output = runtime.run(&["run", "-b", stuck.path.to_str().unwrap(), &stuck.id]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("did not end within 1 s"));
}

#[test]
fn hooks_inside_find_the_root_and_are_confined_as_the_program_is() {
    let runtime = Runtime::new();
    let hook = |script: &str| json!([{ "path": "/bin/sh", "args": ["sh", "-c", script] }]);
    let run = |hooks: Value| {
        let denied = json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": ["mkdir"], "action": "SCMP_ACT_KILL_PROCESS" }] });
        let bundle = runtime.bundle().set("/hooks", hooks).set("/linux/seccomp", denied);
        bundle.write();
        runtime.run(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id])
    };
    assert!(run(json!({ "createContainer": hook("test -e bin/busybox") })).status.success());
    assert!(run(json!({ "startContainer": hook("grep 'CapEff:.00000000a80425fb' /proc/self/status") })).status.success());
    let output = run(json!({ "startContainer": hook("exec /bin/busybox mkdir /tmp/made") }));
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &b""[..]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad system call"));
}

#[test]
fn a_read_only_dev_has_its_devices() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh("echo x > /dev/null && ! echo x 2>/dev/null > /dev/file && grep ' /dev tmpfs ro,' /proc/mounts");
    let options = json!(["nosuid", "strictatime", "mode=755", "size=65536k", "ro"]);
    let bundle = bundle.set("/mounts/1/options", options);
    bundle.write();
    runtime.ok(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
}

#[test]
fn looks_at_a_cgroup_that_was_there_before() {
    let runtime = Runtime::new();
    let first = runtime.bundle().args(&["sleep", "1000"]);
    runtime.create(&first, &[]);
    runtime.ok(&["start", &first.id]);
    let path = first.config["linux"]["cgroupsPath"].clone();
    let second = runtime.bundle().args(&["true"]).set("/linux/cgroupsPath", path.clone());
    second.write();
    let try_it = || runtime.run(&["create", "-b", second.path.to_str().unwrap(), &second.id]);
    let cgroup = cgroups::Hierarchies::detect().cgroup(path.as_str().unwrap(), &first.id);
    cgroup.freeze().unwrap();
    let output = try_it();
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("unexpectedly frozen"));
    let output = runtime.run(&["exec", &first.id, "true"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot exec in a paused container"));
    cgroup.thaw().unwrap();
    let log = runtime.directory.join("log");
    runtime.ok(&["--log", log.to_str().unwrap(), "run", "-b", second.path.to_str().unwrap(), &second.id]);
    assert!(std::fs::read_to_string(log).unwrap().contains("cgroup is not empty: 1 processes"));
}

#[test]
fn a_user_namespace_maps_root_to_somebody_else() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh("id -u; cat /proc/self/uid_map; touch /mine; ls -ln /mine | cut -c1-20; head -c1 /dev/zero | wc -c");
    let mut bundle = bundle.set("/linux/uidMappings", json!([{ "containerID": 0, "hostID": 100_000, "size": 65536 }]));
    bundle = bundle.set("/linux/gidMappings", json!([{ "containerID": 0, "hostID": 100_000, "size": 65536 }]));
    bundle.config["linux"]["namespaces"].as_array_mut().unwrap().push(json!({ "type": "user" }));
    let chown = Command::new("chown").args(["-R", "100000:100000"]).arg(&bundle.layer).status().unwrap();
    assert!(chown.success());
    bundle.write();
    let output = runtime.run(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.starts_with("0\n") && text.contains("100000      65536"), "{text}");
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(bundle.layer.join("mine")).unwrap()), 100_000);
}

#[test]
fn spec_writes_what_create_reads() {
    let runtime = Runtime::new();
    let bundle = runtime.directory.join("template");
    std::fs::create_dir(&bundle).unwrap();
    support::bundle::make_root(&bundle.join("rootfs"));
    let path = bundle.to_str().unwrap();
    runtime.ok(&["spec", "--bundle", path]);
    assert!(!runtime.run(&["spec", "--bundle", path]).status.success(), "an existing file was overwritten");
    let mut config: Value = serde_json::from_str(&std::fs::read_to_string(bundle.join("config.json")).unwrap()).unwrap();
    config["process"]["terminal"] = json!(false);
    config["process"]["args"] = json!(["sh", "-c", "hostname; touch /x 2>&1"]);
    config["linux"]["cgroupsPath"] = json!(format!("/{}/template", runtime.cgroup_parent));
    std::fs::write(bundle.join("config.json"), config.to_string()).unwrap();
    let output = runtime.run(&["run", "-b", path, &unique("t")]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("runc\n") && text.contains("Read-only file system"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let features: Value = serde_json::from_str(&runtime.ok(&["features"])).unwrap();
    assert_eq!(features["ociVersionMax"], "1.3.0");
}

#[test]
fn descriptors_are_preserved_when_asked_for() {
    let runtime = Runtime::new();
    let bundle = runtime.bundle().sh("cat <&3");
    bundle.write();
    let file = bundle.path.join("passed");
    std::fs::write(&file, "through").unwrap();
    let line = format!(
        "exec {} --root {} run --preserve-fds 1 -b {} {} 3< {}",
        executor().display(),
        runtime.directory.join("state").display(),
        bundle.path.display(),
        bundle.id,
        file.display()
    );
    let output = Command::new("/bin/sh").args(["-c", &line]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "through", "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn cve_2019_5736_a_command_starts_containers_from_a_view_without_an_upper_layer() {
    const OVERLAY_MAGIC: i64 = 0x794c_7630;
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let runtime = Runtime::new();
    let bundle = runtime.bundle();
    runtime.create(&bundle, &[]);
    // Still the runtime: its program has not been started.
    let exe = format!("/proc/{}/exe", runtime.state(&bundle.id)["pid"]);
    let kind = rustix::fs::statfs(&*exe).unwrap().f_type as i64;
    assert!([OVERLAY_MAGIC, TMPFS_MAGIC].contains(&kind), "the file on disk itself can be reached: {kind:#x}");
    let error = std::fs::OpenOptions::new().write(true).open(&exe).unwrap_err();
    assert!(matches!(error.raw_os_error(), Some(1 | 13 | 26 | 30)), "{error}");
}

#[test]
fn a_filter_need_not_allow_what_setting_up_takes() {
    let runtime = Runtime::new();
    let denied =
        |names: &[&str]| json!({ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{ "names": names, "action": "SCMP_ACT_ERRNO" }] });
    let early = ["close_range", "dup2", "rt_sigaction", "rt_sigprocmask"];
    let bundle = runtime.bundle().set("/linux/seccomp", denied(&early));
    let confined = runtime.bundle().set("/linux/seccomp", denied(&[&early[..], &["capset", "capget", "prctl"]].concat()));
    for bundle in [bundle, confined.set("/process/noNewPrivileges", json!(true))] {
        bundle.write();
        runtime.ok(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    }
}

/// A point is a part of the time that the command takes when it is left alone: where exactly the blow falls differs from run to run, what
/// must be left never does.
#[test]
fn killed_at_any_point_leaves_nothing_that_delete_does_not_remove() {
    const POINTS: u32 = 12;
    let runtime = Runtime::new();
    let prepare = |bundle: &Bundle, command: &str| {
        bundle.write();
        if command != "create" {
            runtime.create(bundle, &[]);
        }
        if command == "delete" {
            runtime.ok(&["start", &bundle.id]);
        }
    };
    let spawn = |bundle: &Bundle, command: &str| {
        let path = bundle.path.to_str().unwrap();
        let arguments: &[&str] = match command {
            "create" => &["create", "--bundle", path, &bundle.id],
            "start" => &["start", &bundle.id],
            _ => &["delete", "--force", &bundle.id],
        };
        runtime.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    for command in ["create", "start", "delete"] {
        let mut whole = std::time::Duration::ZERO;
        for point in 0..=POINTS {
            let bundle = runtime.bundle().args(&["sleep", "1000"]);
            prepare(&bundle, command);
            let started = std::time::Instant::now();
            let mut child = spawn(&bundle, command);
            if point > 0 {
                std::thread::sleep(whole * (point - 1) / POINTS);
                child.kill().unwrap();
            }
            let status = child.wait().unwrap();
            if point == 0 {
                assert!(status.success(), "{command}");
                whole = started.elapsed();
            }
            let what = format!("{command}, killed at {point} of {POINTS}");
            let deleted = runtime.run(&["delete", "--force", &bundle.id]);
            assert!(deleted.status.success(), "{what}: {}", String::from_utf8_lossy(&deleted.stderr));
            assert!(!runtime.directory.join("state").join(&bundle.id).exists(), "{what}: a state is left");
            until(&format!("{what}: its cgroup and its processes are gone"), || {
                cgroups_left(&runtime.cgroup_parent).is_empty() && !is_mounted_anywhere(&bundle)
            });
        }
    }
}

/// Some process has the container's root file system among its mounts.
fn is_mounted_anywhere(bundle: &Bundle) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mounts = processes.filter_map(|process| std::fs::read_to_string(process.path().join("mountinfo")).ok());
    let layer = bundle.layer.to_str().unwrap();
    mounts.into_iter().any(|text| text.contains(layer))
}

#[test]
fn the_root_may_be_shared() {
    let runtime = Runtime::new();
    let bundle = runtime
        .bundle()
        .sh("grep '^[0-9]* [0-9]* [0-9:]* [^ ]* / [^ ]* shared:' /proc/self/mountinfo")
        .set("/linux/rootfsPropagation", json!("shared"));
    bundle.write();
    let output = runtime.run(&["run", "-b", bundle.path.to_str().unwrap(), &bundle.id]);
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

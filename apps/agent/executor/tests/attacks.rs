//! Attempts of known attacks on runtimes; the names are those of the flaws they were. Each fails if its defence is taken out.

mod support;

use serde_json::{Value, json};
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use support::{Server, executor};

fn message(error: &Value) -> &str {
    error["message"].as_str().unwrap()
}

#[test]
fn cve_2019_5736_the_runtime_cannot_be_overwritten_from_inside() {
    let before = std::fs::read(executor()).unwrap();
    let mut server = Server::start();
    // The program is the runtime itself, by way of the process that becomes it.
    let bundle = server.bundle().args(&["/proc/self/exe", "state", "x"]);
    let _ = server.create(&bundle).and_then(|_| server.call("container.start", json!({ "containerId": bundle.id })));
    let keeper = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&keeper);
    // While an exec is on its way its executable is the runtime: catch one, and write.
    let script = "i=0; while [ $i -lt 3000 ]; do for p in /proc/[0-9]*; do [ \"$p\" = /proc/1 ] || { exec 9>$p/exe; } 2>/dev/null \
         && echo opened $p $(readlink $p/exe) && echo PWNED >&9; done; i=$((i+1)); done";
    let attacker = server.exec(
        &keeper.id,
        json!({ "args": ["sh", "-c", script], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 } }),
        false,
    );
    for _ in 0..20 {
        let (_, exit) = server.sh(&keeper.id, "true");
        assert_eq!(exit["code"], 0);
    }
    drop(attacker);
    assert!(std::fs::read(executor()).unwrap() == before, "the runtime was overwritten");
}

#[test]
fn cve_2019_5736_init_runs_from_a_sealed_copy() {
    let mut server = Server::start();
    let bundle = server.bundle();
    // Created, not started: the first process is still the runtime.
    let pid = server.create(&bundle).unwrap()["pid"].as_i64().unwrap();
    let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap();
    assert!(exe.to_string_lossy().starts_with("/memfd:gantry-executor"), "{}", exe.display());
    let error = std::fs::OpenOptions::new().write(true).open(format!("/proc/{pid}/exe")).unwrap_err();
    assert!(matches!(error.raw_os_error(), Some(1 | 13 | 26)), "{error}");
}

#[test]
fn cve_2024_21626_no_descriptor_of_the_host_is_a_working_directory() {
    let mut server = Server::start();
    for number in 3..16 {
        let bundle = server.bundle().args(&["ls", "-la"]).set("/process/cwd", json!(format!("/proc/self/fd/{number}")));
        let created = server.create(&bundle);
        assert!(created.is_err(), "descriptor {number} of the host was entered");
    }
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    for number in 3..16 {
        let process =
            json!({ "args": ["pwd"], "env": ["PATH=/bin"], "cwd": format!("/proc/self/fd/{number}"), "user": { "uid": 0, "gid": 0 } });
        assert!(server.exec(&bundle.id, process, false).is_err(), "descriptor {number} of the host was entered by exec");
    }
    let (output, _) = server.sh(&bundle.id, "ls /proc/self/fd | wc -l; ls -l /proc/$$/fd");
    assert!(!output.contains("state.json") && !output.contains(server.directory.to_str().unwrap()), "{output}");
}

#[test]
fn programs_inherit_nothing_but_stdio() {
    let mut server = Server::start();
    let (output, _) = server.run(&server.bundle().sh("for fd in /proc/$$/fd/*; do [ -e $fd ] && echo ${fd##*/}; done"));
    let mut numbers: Vec<&str> = output.split_whitespace().collect();
    // The descriptor with which the shell listed the directory is gone when it looks.
    numbers.sort_unstable();
    assert_eq!(numbers, ["0", "1", "2"]);
}

#[test]
fn cve_2021_30465_mount_targets_stay_inside_whatever_links_say() {
    let mut server = Server::start();
    let outside = server.directory.join("outside");
    std::fs::create_dir_all(outside.join("deep")).unwrap();
    let bundle = server.bundle().sh("ls /escape/; test -f /escape/target/mounted && echo inside");
    symlink(&outside, bundle.layer.join("escape")).unwrap();
    let source = server.directory.join("source");
    std::fs::create_dir_all(&source).unwrap();
    std::fs::write(source.join("mounted"), "").unwrap();
    let bundle = bundle.mount(json!({ "destination": "/escape/target", "type": "bind", "source": source, "options": ["rbind"] }));
    let bundle = bundle.mount(json!({ "destination": "/../../../../escape2", "type": "tmpfs", "source": "tmpfs", "options": [] }));
    let (output, exit) = server.run(&bundle);
    assert!(output.contains("inside") && exit["code"] == 0, "{output}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "something was made outside");
    assert!(!std::path::Path::new("/escape2").exists());
}

#[test]
fn cve_2024_45310_no_file_or_directory_is_made_on_the_host() {
    let mut server = Server::start();
    let outside = server.directory.join("outside");
    std::fs::create_dir(&outside).unwrap();
    let file = server.directory.join("file");
    std::fs::write(&file, "content").unwrap();
    let bundle = server.bundle().sh("cat /link/a/b");
    symlink(format!("../../../../../../../../..{}", outside.display()), bundle.layer.join("link")).unwrap();
    let bundle = bundle.mount(json!({ "destination": "/link/a/b", "type": "bind", "source": file, "options": ["bind", "ro"] }));
    let (output, _) = server.run(&bundle);
    assert_eq!(output, "content");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn cve_2019_19921_proc_and_sys_must_be_real_directories() {
    let mut server = Server::start();
    for name in ["proc", "sys"] {
        let bundle = server.bundle().sh("echo started");
        std::fs::remove_dir(bundle.layer.join(name)).unwrap();
        std::fs::create_dir(bundle.layer.join("decoy")).unwrap();
        symlink("decoy", bundle.layer.join(name)).unwrap();
        let error = server.create(&bundle).unwrap_err();
        assert!(message(&error).contains(&format!("/{name}")), "{error}");
    }
}

#[test]
fn cve_2019_16884_nothing_is_mounted_over_what_is_in_proc() {
    let mut server = Server::start();
    let empty = server.directory.join("empty");
    std::fs::create_dir(&empty).unwrap();
    for destination in ["/proc/sys", "/proc/1", "/alias/sys"] {
        let bundle = server.bundle();
        symlink("proc", bundle.layer.join("alias")).unwrap();
        let bundle = bundle.mount(json!({ "destination": destination, "type": "bind", "source": empty, "options": ["bind"] }));
        assert_eq!(server.create(&bundle).unwrap_err()["code"], "invalid", "{destination}");
    }
}

#[test]
fn cve_2026_41579_dev_must_be_a_real_directory() {
    let mut server = Server::start();
    let outside = server.directory.join("outside");
    std::fs::create_dir(&outside).unwrap();
    let mut bundle = server.bundle();
    std::fs::remove_dir(bundle.layer.join("dev")).unwrap();
    symlink(&outside, bundle.layer.join("dev")).unwrap();
    let is_in_dev = |mount: &Value| mount["destination"].as_str().unwrap().starts_with("/dev");
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| !is_in_dev(mount));
    let error = server.create(&bundle).unwrap_err();
    assert!(message(&error).contains("/dev"), "{error}");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn cve_2025_52565_a_terminal_is_shown_at_no_place_that_a_link_names() {
    let mut server = Server::start();
    let outside = server.directory.join("outside");
    std::fs::write(&outside, "untouched").unwrap();
    let mut bundle = server.bundle().sh("echo x > /dev/console").terminal();
    // The image's own /dev, so that what is in it can be the image's.
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| mount["destination"] != "/dev");
    symlink(&outside, bundle.layer.join("dev/console")).unwrap();
    // Refused, or shown elsewhere: the link's target stays what it is.
    if server.create(&bundle).is_ok() {
        let mut stream = server.attach(&bundle.id, false);
        server.ok("container.start", json!({ "containerId": bundle.id }));
        stream.read_to_end();
    }
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "untouched");
    let mut bundle = server.bundle().sh("tty").terminal();
    bundle.config["mounts"].as_array_mut().unwrap().retain(|mount| !mount["destination"].as_str().unwrap().starts_with("/dev"));
    // Not a devpts: whatever is at its place is no terminal of ours.
    std::fs::create_dir_all(bundle.layer.join("dev/pts")).unwrap();
    std::fs::write(bundle.layer.join("dev/pts/ptmx"), "").unwrap();
    let error = server.create(&bundle).unwrap_err();
    assert!(message(&error).contains("/dev/pts"), "{error}");
}

#[test]
fn cve_2025_31133_a_false_dev_null_masks_nothing_else() {
    let mut server = Server::start();
    let bundle =
        server.bundle().sh("cat /secret; stat -c '%t:%T' /secret; cat /masked/* 2>/dev/null; touch /masked/x 2>/dev/null || echo sealed");
    std::fs::write(bundle.layer.join("secret"), "secret").unwrap();
    std::fs::create_dir(bundle.layer.join("masked")).unwrap();
    std::fs::write(bundle.layer.join("masked/file"), "hidden").unwrap();
    // What a racing container would have put at /dev/null.
    let decoy = bundle.path.join("decoy");
    std::fs::write(&decoy, "host file").unwrap();
    let bundle = bundle.mount(json!({ "destination": "/dev/null", "type": "bind", "source": decoy, "options": ["bind"] }));
    let bundle = bundle.set("/linux/maskedPaths", json!(["/secret", "/masked", "/not/there"]));
    let created = server.create(&bundle);
    if created.is_err() {
        // Refusing the odd device is as good.
        return;
    }
    let mut stream = server.attach(&bundle.id, false);
    server.ok("container.start", json!({ "containerId": bundle.id }));
    assert_eq!(stream.read_to_end().0, "1:3\nsealed\n");
}

#[test]
fn masked_and_read_only_paths_hold() {
    let mut server = Server::start();
    let script = "head -c1 /proc/kcore; head -c1 /proc/keys; ls /sys/firmware; (echo 1 > /proc/sys/kernel/domainname) 2>&1; (echo x > /proc/sys/kernel/hostname) 2>&1; \
         mount -o remount,rw /proc/sys 2>&1; umount /proc/keys 2>&1; echo end";
    let (output, _) = server.run(&server.bundle().sh(script));
    assert_eq!(output.matches("Read-only file system").count(), 2, "{output}");
    assert_eq!(output.lines().last(), Some("end"));
    assert!(
        output.lines().filter(|line| line.contains("permitted") || line.contains("denied") || line.contains("must be superuser")).count()
            >= 2,
        "{output}"
    );
}

#[test]
fn cve_2025_52881_sysctls_go_to_a_proc_that_nobody_can_replace() {
    let mut server = Server::start();
    let decoy = server.directory.join("decoy");
    std::fs::create_dir_all(decoy.join("sys/net/ipv4")).unwrap();
    std::fs::write(decoy.join("sys/net/ipv4/ip_unprivileged_port_start"), "untouched").unwrap();
    let bundle = server.bundle().sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start");
    let mut bundle = bundle.set("/linux/sysctl", json!({ "net.ipv4.ip_unprivileged_port_start": "77" }));
    // A volume where /proc is expected: the write must not land in it.
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    mounts.retain(|mount| mount["destination"] != "/proc");
    mounts.push(json!({ "destination": "/proc", "type": "bind", "source": decoy, "options": ["bind"] }));
    server.run(&bundle);
    assert_eq!(std::fs::read_to_string(decoy.join("sys/net/ipv4/ip_unprivileged_port_start")).unwrap(), "untouched");
    let plain = server
        .bundle()
        .sh("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")
        .set("/linux/sysctl", json!({ "net.ipv4.ip_unprivileged_port_start": "77" }));
    assert_eq!(server.run(&plain).0, "77\n");
}

#[test]
fn cve_2022_0811_sysctls_of_the_host_are_refused() {
    let mut server = Server::start();
    for name in ["kernel.core_pattern", "kernel.sysrq", "vm.overcommit_memory", "net/../kernel/core_pattern"] {
        let bundle = server.bundle().set("/linux/sysctl", json!({ (name): "x" }));
        assert_eq!(server.create(&bundle).unwrap_err()["field"], format!("linux.sysctl.{name}"));
    }
    let shared = server.bundle().without_namespace("network").set("/linux/sysctl", json!({ "net.ipv4.ip_forward": "1" }));
    assert_eq!(server.create(&shared).unwrap_err()["code"], "invalid");
}

#[test]
fn cve_2022_29162_no_inheritable_capabilities_unless_asked_for() {
    let mut server = Server::start();
    let (output, _) = server.run(&server.bundle().sh("grep Cap /proc/self/status"));
    for line in ["CapInh:\t0000000000000000", "CapEff:\t00000000a80425fb", "CapBnd:\t00000000a80425fb", "CapAmb:\t0000000000000000"] {
        assert!(output.contains(line), "{line} is not in {output}");
    }
    let user = server.bundle().sh("grep Cap /proc/self/status").set("/process/user", json!({ "uid": 1000, "gid": 1000 }));
    assert!(server.run(&user).0.contains("CapEff:\t0000000000000000"));
}

#[test]
fn cve_2022_36109_the_primary_group_is_also_a_supplementary_one() {
    let mut server = Server::start();
    let user = json!({ "uid": 1000, "gid": 1001, "additionalGids": [50, 60] });
    let (output, _) = server.run(&server.bundle().sh("grep Groups /proc/self/status").set("/process/user", user));
    assert_eq!(output.trim(), "Groups:\t50 60 1001");
}

#[test]
fn cve_2022_0492_no_writable_cgroup_and_no_release_agent() {
    let mut server = Server::start();
    let script = "for d in /sys/fs/cgroup /sys/fs/cgroup/*; do mkdir $d/x 2>/dev/null && echo made $d; (echo /x > $d/release_agent) 2>/dev/null && echo wrote $d; done; \
         mount -t cgroup -o memory c /tmp 2>/dev/null && echo mounted; echo end";
    assert_eq!(server.run(&server.bundle().sh(script)).0, "end\n");
}

#[test]
fn cgroup_paths_cannot_climb() {
    let mut server = Server::start();
    let bundle = server.bundle().set("/linux/cgroupsPath", json!("/a/../../../tmp/x"));
    assert_eq!(server.create(&bundle).unwrap_err()["field"], "linux.cgroupsPath");
    let bundle = server.bundle().set("/linux/resources/unified", json!({ "../memory.max": "1" }));
    assert_eq!(server.create(&bundle).unwrap_err()["code"], "invalid");
}

#[test]
fn container_ids_cannot_climb() {
    let mut server = Server::start();
    for id in ["../x", "a/b", "..", ".", "", "a b", "x\u{0}y"] {
        let mut bundle = server.bundle();
        bundle.id = id.into();
        bundle.write();
        assert_eq!(server.call("container.create", bundle.create_request()).unwrap_err()["code"], "invalid", "{id:?}");
    }
}

#[test]
fn the_waiting_process_cannot_be_traced_from_inside() {
    let mut server = Server::start();
    let bundle = server.bundle().set("/process/capabilities/effective", json!(["CAP_SYS_PTRACE"]));
    let pid = server.create(&bundle).unwrap()["pid"].as_i64().unwrap();
    // Undumpable: what is below its /proc belongs to root whatever its user, and only the host's root may look.
    let owner = std::fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid();
    assert_eq!(owner, 0);
    let bundle = server.bundle().set("/process/user", json!({ "uid": 1000, "gid": 1000 }));
    let pid = server.create(&bundle).unwrap()["pid"].as_i64().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    assert!(status.contains("Uid:\t1000"), "{status}");
    assert_eq!(std::fs::metadata(format!("/proc/{pid}/environ")).unwrap().uid(), 0);
}

#[test]
fn odd_frames_end_the_connection_and_nothing_else() {
    use std::io::{Read, Write};
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    for garbage in [&b"\xff\xff\xff\xff\x00"[..], b"\x00\x00\x00\x05\x09hello", b"\x00\x00\x00\x02\x03{}", b"GET / HTTP/1.1\r\n\r\n"] {
        for mut connection in [server.connect(), server.shim(&bundle.id)] {
            connection.socket.write_all(garbage).unwrap();
            connection.socket.shutdown(std::net::Shutdown::Write).unwrap();
            let mut rest = Vec::new();
            let _ = connection.socket.read_to_end(&mut rest);
        }
    }
    for text in [
        "",
        "{",
        "[]",
        "{\"op\":\"attach\"}",
        "{\"op\":\"nope\"}",
        "{\"op\":\"resize\",\"processId\":\"init\",\"size\":{\"height\":-1,\"width\":1}}",
    ] {
        let mut connection = server.shim(&bundle.id);
        wire::write_frame(&mut connection.socket, wire::FrameKind::Json, text.as_bytes()).unwrap();
        let answer = wire::read_frame(&mut connection.socket).unwrap().unwrap();
        assert!(String::from_utf8(answer.payload).unwrap().contains("\"code\":\"invalid\""), "{text}");
    }
    assert_eq!(server.ok("container.state", json!({ "containerId": bundle.id }))["status"], "running");
    assert_eq!(server.sh(&bundle.id, "true").1["code"], 0);
}

#[test]
fn copying_files_never_leaves_the_root() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    let secret = server.directory.join("secret");
    std::fs::write(&secret, "host secret").unwrap();
    symlink(&secret, bundle.layer.join("link")).unwrap();
    symlink("/proc/1/root", bundle.layer.join("magic")).unwrap();
    let pid = server.start_container(&bundle)["pid"].clone();
    for rootfs in [json!({ "pid": pid }), json!({ "overlay": bundle.overlay() })] {
        let path = format!("/link/../{}", secret.display());
        assert_eq!(server.call("path.stat", json!({ "rootfs": rootfs, "path": path })).unwrap_err()["code"], "not-found");
        let stat = server.ok("path.stat", json!({ "rootfs": rootfs, "path": "/link" }));
        assert_eq!(stat["linkTarget"], secret.to_str().unwrap());
        let magic = server.call("path.stat", json!({ "rootfs": rootfs, "path": format!("/magic{}", secret.display()) }));
        assert!(magic.is_err(), "{magic:?}");
    }
    // A process that is no container's is nobody's root.
    assert_eq!(server.call("path.stat", json!({ "rootfs": { "pid": std::process::id() }, "path": "/" })).unwrap_err()["code"], "not-found");
}

#[test]
fn the_shims_socket_is_out_of_reach_of_others() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    let directory = server.root().join(&bundle.id);
    assert_eq!(std::fs::metadata(&directory).unwrap().mode() & 0o777, 0o700);
    assert!(std::fs::metadata(directory.join("shim.sock")).unwrap().file_type().is_socket());
    assert_eq!(std::fs::metadata(server.directory.join("server.sock")).unwrap().mode() & 0o077, 0);
}

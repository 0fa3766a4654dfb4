//! Control groups: limits that bite, statistics, freezing.

mod support;

use serde_json::json;
use support::{Server, until};

#[test]
fn memory_beyond_the_limit_is_an_oom_kill() {
    let mut server = Server::start();
    let bundle = server.bundle().sh(
        "head -c 100000000 /dev/zero | tr '\\0' x | sed 's/x/y/' > /dev/null; a=$(head -c 50000000 /dev/zero | tr '\\0' x); echo ${#a}",
    );
    let bundle = bundle.set("/linux/resources/memory", json!({ "limit": 16 << 20, "swap": 16 << 20 }));
    let (_, exit) = server.run(&bundle);
    assert_eq!((exit["oomKilled"].as_bool(), exit["signal"].as_i64()), (Some(true), Some(9)), "{exit}");
}

#[test]
fn half_a_megabyte_is_enough_for_a_small_program() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["true"]).set("/linux/resources/memory", json!({ "limit": 512 << 10 }));
    assert_eq!(server.run(&bundle).1["code"], 0);
}

#[test]
fn a_fork_bomb_stays_inside() {
    let mut server = Server::start();
    let bundle = server
        .bundle()
        .sh("for i in $(seq 1 50); do sleep 1000 & done; echo survived")
        .set("/linux/resources/pids", json!({ "limit": 10 }));
    server.create(&bundle).unwrap();
    let mut stream = server.attach(&bundle.id, false);
    server.ok("container.start", json!({ "containerId": bundle.id }));
    let (output, _) = stream.read_to_end();
    assert!(output.contains("can't fork"), "{output}");
}

#[test]
fn devices_are_what_the_rules_allow() {
    let mut server = Server::start();
    let script =
        "cat /dev/null && echo null; head -c1 /dev/zero > /dev/null && echo zero; mknod /tmp/kmsg c 1 11 && cat /tmp/kmsg; echo end";
    let bundle = server.bundle().sh(script);
    let (output, _) = server.run(&bundle);
    assert!(output.contains("null\n") && output.contains("zero\n") && output.contains("Operation not permitted"), "{output}");
    let full = json!([{ "path": "/dev/mine", "type": "c", "major": 1, "minor": 7, "fileMode": 0o600, "uid": 1000, "gid": 1000 }]);
    let allowed = json!([{ "allow": false, "access": "rwm" }, { "allow": true, "type": "c", "major": 1, "minor": 7, "access": "rwm" }]);
    let bundle =
        server.bundle().sh("stat -c '%a %u %g %t:%T' /dev/mine").set("/linux/devices", full).set("/linux/resources/devices", allowed);
    assert_eq!(server.run(&bundle).0, "600 1000 1000 1:7\n");
}

#[test]
fn pauses_and_resumes() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("while :; do echo tick; sleep 0.01; done").log(0, 1);
    server.start_container(&bundle);
    let id = json!({ "containerId": bundle.id });
    let size = || std::fs::metadata(bundle.log_path()).unwrap().len();
    server.ok("container.pause", id.clone());
    assert_eq!(server.ok("container.state", id.clone())["status"], "paused");
    // What was in the pipe is written; then nothing is.
    let mut last = size();
    until("it stands still", || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let before = std::mem::replace(&mut last, size());
        last == before
    });
    server.ok("container.resume", id.clone());
    until("it goes on", || size() > last);
    // A frozen container can be killed.
    server.ok("container.pause", id.clone());
    let mut waiting = server.shim(&bundle.id);
    server.ok("container.kill", json!({ "containerId": bundle.id, "signal": 9, "all": false }));
    assert_eq!(waiting.ask(&json!({ "op": "wait", "processId": "init" }))["exit"]["code"], 137);
}

#[test]
fn updates_and_measures_a_running_container() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec sleep 1000");
    server.start_container(&bundle);
    let resources = json!({ "memory": { "limit": 40 << 20, "swap": 80 << 20 }, "pids": { "limit": 7 }, "cpu": { "quota": 90000, "period": 100000, "shares": 512 } });
    server.ok("container.update", json!({ "containerId": bundle.id, "resources": resources }));
    let mut stats = json!(null);
    until("it has used the processor", || {
        stats = server.ok("container.stats", json!({ "containerId": bundle.id }));
        stats["cpu"]["usageNs"].as_u64() > Some(1_000_000)
    });
    assert_eq!((stats["memory"]["limitBytes"].as_u64(), stats["pids"]["limit"].as_u64()), (Some(40 << 20), Some(7)));
    assert!(stats["memory"]["usageBytes"].as_u64() > Some(0) && stats["pids"]["current"].as_u64() > Some(0), "{stats}");
    let lower = json!({ "containerId": bundle.id, "resources": { "memory": { "limit": 4096, "checkBeforeUpdate": true } } });
    assert_eq!(server.call("container.update", lower).unwrap_err()["code"], "invalid");
}

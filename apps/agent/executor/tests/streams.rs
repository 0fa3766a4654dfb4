//! stdio, terminals, exec, and clients that do not keep up.

mod support;

use serde_json::json;
use support::{Server, until};
use wire::FrameKind;

#[test]
fn input_reaches_the_program_and_its_end_too() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["cat"]).stdin(true);
    server.start_container(&bundle);
    let mut stream = server.attach(&bundle.id, true);
    let sent: Vec<u8> = (0..3_000_000u32).map(|at| (at % 251) as u8).collect();
    let reader = {
        let socket = stream.connection.socket.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut socket = std::io::BufReader::new(socket);
            let mut received = Vec::new();
            while let Some(frame) = wire::read_frame(&mut socket).unwrap() {
                match frame.kind {
                    FrameKind::Stdout => received.extend(frame.payload),
                    _ => return (received, frame.payload),
                }
            }
            panic!("no exit status");
        })
    };
    for chunk in sent.chunks(100_000) {
        stream.write(chunk);
    }
    stream.end_input();
    let (received, end) = reader.join().unwrap();
    assert!(received == sent, "{} of {} bytes came back, or other ones", received.len(), sent.len());
    assert!(String::from_utf8_lossy(&end).contains("\"code\":0"));
}

#[test]
fn a_client_that_does_not_read_holds_the_program_up_and_loses_nothing() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("seq 1 300000; echo done").log(0, 1);
    server.create(&bundle).unwrap();
    let mut stream = server.attach(&bundle.id, false);
    server.ok("container.start", json!({ "containerId": bundle.id }));
    // The shim answers others meanwhile, and the program waits: it has 2 MB to say, and nobody takes them.
    let log_size = || std::fs::metadata(bundle.log_path()).map_or(0, |file| file.len());
    let mut last = 0;
    until("the program stands still", || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        let (before, now) = (last, log_size());
        last = now;
        now > 0 && now == before
    });
    assert_eq!(server.ok("container.state", json!({ "containerId": bundle.id }))["status"], "running");
    let (output, exit) = stream.read_to_end();
    let expected: String = (1..=300_000).map(|number| format!("{number}\n")).collect::<String>() + "done\n";
    assert!(output == expected && exit["code"] == 0, "{} of {} bytes", output.len(), expected.len());
}

#[test]
fn a_shim_that_was_busy_gives_its_memory_back_and_goes_on() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("seq 1 300000; sleep 1000").log(0, 1);
    let shim = server.start_container(&bundle)["shimPid"].clone();
    let own_kib = || {
        let memory = std::fs::read_to_string(format!("/proc/{shim}/smaps_rollup")).unwrap();
        let field = memory.lines().find_map(|line| line.strip_prefix("Anonymous:")).unwrap();
        field.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    until("the log has the last line", || std::fs::read_to_string(bundle.log_path()).is_ok_and(|log| log.contains("\"300000\\n")));
    until("the shim is small", || own_kib() < 150);
    assert_eq!(server.sh(&bundle.id, "echo still here").0, "still here\n");
}

#[test]
fn a_client_that_vanishes_holds_up_nobody() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("seq 1 300000 > /dev/stderr; exit 4");
    server.create(&bundle).unwrap();
    let stream = server.attach(&bundle.id, false);
    let mut waiting = server.shim(&bundle.id);
    server.ok("container.start", json!({ "containerId": bundle.id }));
    drop(stream);
    assert_eq!(waiting.ask(&json!({ "op": "wait", "processId": "init" }))["exit"]["code"], 4);
}

#[test]
fn a_terminal_has_a_size_echo_and_signals() {
    let mut server = Server::start();
    let script = "stty size; tty; read line; stty size; test -c /dev/console && echo console; trap 'exit 6' INT; echo waiting; \
         while :; do sleep 0.05; done";
    let bundle = server.bundle().sh(script).terminal().set("/process/consoleSize", json!({ "height": 33, "width": 77 }));
    server.create(&bundle).unwrap();
    let mut stream = server.attach(&bundle.id, true);
    server.ok("container.start", json!({ "containerId": bundle.id }));
    let output = stream.read_until("/dev/");
    assert!(output.contains("33 77"), "{output}");
    let resized = server.ask_shim(&bundle.id, json!({ "op": "resize", "processId": "init", "size": { "height": 40, "width": 120 } }));
    assert_eq!(resized["ok"], true);
    stream.write(b"typed\n");
    let output = stream.read_until("waiting");
    assert!(output.contains("typed\r\n") && output.contains("40 120") && output.contains("console"), "{output}");
    stream.write(b"\x03");
    assert_eq!(stream.read_to_end().1["code"], 6);
}

#[test]
fn exec_joins_the_container_with_its_own_user_streams_and_status() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    let process = json!({
        "args": ["sh", "-c", "cat; id; pwd; hostname; echo $HOME; echo oops >&2; exit 5"],
        "env": ["PATH=/bin"], "cwd": "/tmp", "user": { "uid": 1000, "gid": 1000, "additionalGids": [27] },
    });
    let mut stream = server.exec(&bundle.id, process, true).unwrap();
    stream.write(b"typed\n");
    stream.end_input();
    let (output, exit) = stream.read_to_end();
    for line in ["typed\n", "uid=1000(user) gid=1000 groups=27,1000\n", "/tmp\n", "box\n", "/home/user\n", "oops\n"] {
        assert!(output.contains(line), "{line:?} is not in {output}");
    }
    assert_eq!(exit["code"], 5);
    let (_, exit) = server.sh(&bundle.id, "kill -9 $$");
    assert_eq!((exit["code"].as_i64(), exit["signal"].as_i64()), (Some(137), Some(9)));
    assert!(server.sh(&bundle.id, "cat /proc/self/cgroup").0.lines().all(|line| line.ends_with(":/")), "exec is in the container's cgroup");
}

#[test]
fn a_client_may_still_be_writing_when_the_program_has_ended() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    let process = json!({ "args": ["echo", "short"], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 } });
    let mut stream = server.exec(&bundle.id, process, true).unwrap();
    let (output, exit) = stream.read_to_end();
    assert_eq!((output.as_str(), exit["code"].as_i64()), ("short\n", Some(0)));
    assert!(stream.read().is_none(), "nothing follows the exit status");
    // Refused, these would cost a client the output it has not read yet.
    stream.write(b"late");
    stream.end_input();
}

#[test]
fn exec_with_a_terminal() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.start_container(&bundle);
    let process = json!({
        "terminal": true, "consoleSize": { "height": 11, "width": 22 }, "args": ["sh", "-c", "tty; stty size"],
        "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 },
    });
    let (output, exit) = server.exec(&bundle.id, process, true).unwrap().read_to_end();
    assert!(output.contains("/dev/pts/0") && output.contains("11 22") && exit["code"] == 0, "{output}");
}

#[test]
fn exec_that_cannot_start_says_why() {
    let mut server = Server::start();
    let bundle = server.bundle().args(&["sleep", "1000"]);
    server.create(&bundle).unwrap();
    let process = |program: &str| json!({ "args": [program], "env": ["PATH=/bin"], "cwd": "/", "user": { "uid": 0, "gid": 0 } });
    assert_eq!(server.exec(&bundle.id, process("true"), false).err().unwrap()["code"], "wrong-state");
    server.ok("container.start", json!({ "containerId": bundle.id }));
    assert_eq!(server.exec(&bundle.id, process("nope"), false).err().unwrap()["code"], "command-not-found");
    assert_eq!(server.exec(&bundle.id, process("/etc/passwd"), false).err().unwrap()["code"], "permission-denied");
    server.ok("container.pause", json!({ "containerId": bundle.id }));
    assert_eq!(server.exec(&bundle.id, process("true"), false).err().unwrap()["code"], "wrong-state");
    server.ok("container.resume", json!({ "containerId": bundle.id }));
    assert_eq!(server.exec(&bundle.id, process("true"), false).unwrap().read_to_end().1["code"], 0);
}

#[test]
fn rotates_the_log() {
    let mut server = Server::start();
    let bundle = server.bundle().sh("seq 1 2000").log(20_000, 3);
    server.run(&bundle);
    let numbered = |number: u32| bundle.log_path().with_file_name(format!("json.log.{number}"));
    assert!(numbered(1).exists() && numbered(2).exists() && !numbered(3).exists());
    let newest = std::fs::read_to_string(bundle.log_path()).unwrap();
    assert!(newest.len() <= 20_000 && newest.lines().last().unwrap().contains("\"2000\\n\""), "{newest}");
}

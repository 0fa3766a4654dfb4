//! The fixtures of libs/contracts/executor, which the TypeScript side parses with its schemas: here they are what we understand and send.

use serde_json::Value;
use wire::{
    Answer, BlockIoStats, ContainerState, ContainerStats, CpuStats, DiffResult, ExecExit, Execs, ExitStatus, Exited, Failure, FinishResult,
    FrameDecoder, FrameKind, Hello, MemoryStats, NetworkStats, PathStat, PidsStats, Request, ShimAnswer, ShimRequest, Status, UnpackResult,
};

fn fixture(name: &str) -> Value {
    let path = format!("{}/../../../../../libs/contracts/executor/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

fn list(value: Value) -> Vec<Value> {
    let Value::Array(values) = value else { panic!("not a list") };
    values
}

#[test]
fn frames_are_the_same_bytes() {
    for frame in list(fixture("frames")) {
        let kind = [FrameKind::Json, FrameKind::Stdout, FrameKind::Stderr, FrameKind::Stdin][frame["kind"].as_u64().unwrap() as usize];
        let payload = frame["payload"].as_str().unwrap().as_bytes();
        let hex = frame["hex"].as_str().unwrap();
        let expected: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let mut encoded = Vec::new();
        wire::encode_frame(&mut encoded, kind, payload);
        assert_eq!(encoded, expected, "{}", frame["name"]);
        let mut decoder = FrameDecoder::default();
        decoder.push(&expected);
        let decoded = decoder.next_frame().unwrap().unwrap();
        assert_eq!((decoded.kind, decoded.payload.as_slice()), (kind, payload), "{}", frame["name"]);
    }
}

#[test]
fn every_request_is_understood() {
    for request in list(fixture("requests")) {
        let parsed: Request = serde_json::from_value(request.clone()).unwrap_or_else(|error| panic!("{}: {error}", request["op"]));
        assert_eq!(parsed.id, request["id"].as_i64().unwrap());
    }
}

#[test]
fn a_request_with_a_field_missing_is_not() {
    for mut request in list(fixture("requests")) {
        let Value::Object(fields) = &mut request else { panic!("not an object") };
        // These may be left out: an attachment's mtu is inside, and null stands for absence in Rust's options.
        let optional = ["id", "op", "rootfs", "log", "source", "keep", "digest", "diffId"];
        for name in fields.keys().filter(|name| !optional.contains(&name.as_str())).cloned().collect::<Vec<_>>() {
            let mut without = fields.clone();
            without.remove(&name);
            let parsed = serde_json::from_value::<Request>(Value::Object(without));
            assert!(parsed.is_err(), "{} was understood without {name}", fields["op"]);
        }
    }
}

#[test]
fn errors_survive_the_round_trip() {
    for error in list(fixture("errors")) {
        let parsed: Answer<()> = serde_json::from_value(error.clone()).unwrap();
        let Answer::Failed { id, error: failure, .. } = parsed else { panic!("{error} was taken for a success") };
        assert_eq!(serde_json::to_value(Answer::<()>::new(id, Err(failure))).unwrap(), error);
    }
}

#[test]
fn shim_messages_survive_the_round_trip() {
    let shim = fixture("shim");
    for request in list(shim["requests"].clone()) {
        let parsed: ShimRequest = serde_json::from_value(request.clone()).unwrap();
        if !matches!(parsed, ShimRequest::Exec { .. }) {
            assert_eq!(serde_json::to_value(parsed).unwrap(), request);
        }
    }
    for answer in list(shim["answers"].clone()) {
        let parsed: ShimAnswer = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(serde_json::to_value(parsed).unwrap(), answer);
    }
    let exited: Exited = serde_json::from_value(shim["exited"].clone()).unwrap();
    assert_eq!(serde_json::to_value(exited).unwrap(), shim["exited"]);
}

fn state(status: Status, pid: i32, shim_pid: i32, exit: Option<ExitStatus>) -> ContainerState {
    ContainerState {
        container_id: "web".into(),
        status,
        pid,
        shim_pid,
        bundle: "/b".into(),
        created_at: "2026-11-24T03:59:54.515371047Z".into(),
        started_at: Some("2026-11-24T03:59:54.631615383Z".into()),
        exit,
    }
}

fn stats() -> ContainerStats {
    let eth0 =
        NetworkStats { rx_bytes: 1, rx_packets: 2, rx_errors: 3, rx_dropped: 4, tx_bytes: 5, tx_packets: 6, tx_errors: 7, tx_dropped: 8 };
    ContainerStats {
        read_at: "2026-11-24T03:59:55.399587182Z".into(),
        cpu: CpuStats { usage_ns: 7974445, user_ns: 4000000, system_ns: 3000000, throttled_periods: 1, periods: 2, throttled_ns: 3 },
        memory: MemoryStats {
            usage_bytes: 610304,
            max_usage_bytes: 909312,
            limit_bytes: 67108864,
            cache_bytes: 4096,
            inactive_file_bytes: 2048,
            oom_kills: 1,
        },
        pids: PidsStats { current: 2, limit: 100 },
        block_io: BlockIoStats { read_bytes: 4096, write_bytes: 8192 },
        networks: [("eth0".to_owned(), eth0)].into(),
    }
}

#[test]
fn results_are_sent_as_agreed() {
    let killed = ExitStatus { code: 137, signal: Some(9), exited_at: "2026-11-24T03:59:55.688250560Z".into(), oom_killed: true };
    let hello = Hello {
        protocol: 1,
        version: "0.1.0".into(),
        cgroup: "hybrid".into(),
        controllers: vec!["cpu".into(), "memory".into()],
        overlay: true,
        seccomp: true,
    };
    let unpack = UnpackResult { digest: "sha256:aa".into(), diff_id: "sha256:bb".into(), kept_bytes: 12, kept_compression: "gzip".into() };
    let ended = ExitStatus { code: 3, signal: None, exited_at: "2026-01-01T00:00:00.000000000Z".into(), oom_killed: false };
    let execs = Execs { exits: vec![ExecExit { process_id: "e1".into(), exit: ended }] };
    let finish = FinishResult { size_bytes: 12, entries: 3 };
    let diff = DiffResult { digest: "sha256:aa".into(), diff_id: "sha256:bb".into(), size_bytes: 12, uncompressed_bytes: 34 };
    let stat = PathStat {
        name: "sh".into(),
        size: 7,
        mode: 41471,
        mtime: "1970-01-01T00:00:00.000000000Z".into(),
        link_target: "/bin/busybox".into(),
    };
    let sent = [
        serde_json::to_value(hello),
        serde_json::to_value(state(Status::Stopped, 0, 0, Some(killed))),
        serde_json::to_value(state(Status::Running, 11005, 11004, None)),
        serde_json::to_value(stats()),
        serde_json::to_value(unpack),
        serde_json::to_value(execs),
        serde_json::to_value(finish),
        serde_json::to_value(diff),
        serde_json::to_value(stat),
    ];
    let agreed: Vec<Value> = list(fixture("results")).into_iter().map(|result| result["result"].clone()).collect();
    assert_eq!(sent.map(Result::unwrap).to_vec(), agreed);
}

#[test]
fn a_failure_is_flattened_with_its_causes() {
    let cause = std::io::Error::other("disk on fire");
    let failure = Failure::from_error(wire::Code::Failed, &wire::FrameError::Io(cause));
    assert_eq!(failure.message, "read or write a frame: disk on fire");
}

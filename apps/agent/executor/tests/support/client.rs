use serde_json::{Value, json};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use wire::{FrameKind, read_frame, write_frame};

pub struct Connection {
    pub socket: UnixStream,
    id: i64,
}

impl Connection {
    pub fn open(path: &Path) -> Self {
        let socket = UnixStream::connect(path).unwrap_or_else(|error| panic!("connect to {}: {error}", path.display()));
        // A test that would wait for ever fails.
        socket.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
        Self { socket, id: 0 }
    }

    fn send_json(&mut self, value: &Value) {
        write_frame(&mut self.socket, FrameKind::Json, value.to_string().as_bytes()).unwrap();
    }

    fn receive_json(&mut self) -> Value {
        let frame = read_frame(&mut self.socket).unwrap().expect("an answer");
        assert_eq!(frame.kind, FrameKind::Json);
        serde_json::from_slice(&frame.payload).unwrap()
    }

    pub fn call(&mut self, operation: &str, arguments: Value) -> Result<Value, Value> {
        self.id += 1;
        let mut request = arguments;
        request["id"] = json!(self.id);
        request["op"] = json!(operation);
        self.send_json(&request);
        let answer = self.receive_json();
        assert_eq!(answer["id"], self.id);
        if answer["ok"] == true { Ok(answer["result"].clone()) } else { Err(answer["error"].clone()) }
    }

    pub fn ask(&mut self, request: &Value) -> Value {
        self.send_json(request);
        self.receive_json()
    }

    pub fn stream(mut self, request: &Value) -> Stream {
        let answer = self.ask(request);
        assert_eq!(answer["ok"], true, "{answer}");
        Stream::new(self)
    }
}

/// A connection after the answer to attach or exec.
pub struct Stream {
    pub connection: Connection,
}

impl Stream {
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    pub fn write(&mut self, bytes: &[u8]) {
        write_frame(&mut self.connection.socket, FrameKind::Stdin, bytes).unwrap();
    }

    pub fn end_input(&mut self) {
        self.write(b"");
    }

    /// The next piece of output; None at the end.
    pub fn read(&mut self) -> Option<(FrameKind, Vec<u8>)> {
        read_frame(&mut self.connection.socket).unwrap().map(|frame| (frame.kind, frame.payload))
    }

    pub fn read_until(&mut self, wanted: &str) -> String {
        let mut text = String::new();
        while !text.contains(wanted) {
            let (kind, bytes) = self.read().unwrap_or_else(|| panic!("the stream ended before {wanted:?}: {text}"));
            assert_ne!(kind, FrameKind::Json, "the process ended before {wanted:?}: {text}");
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        text
    }

    /// All output, and how the process ended.
    pub fn read_to_end(&mut self) -> (String, Value) {
        let mut text = String::new();
        while let Some((kind, bytes)) = self.read() {
            if kind == FrameKind::Json {
                let end: Value = serde_json::from_slice(&bytes).unwrap();
                assert_eq!(end["type"], "exited");
                return (text, end["exit"].clone());
            }
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        panic!("the stream ended without an exit status: {text}");
    }
}

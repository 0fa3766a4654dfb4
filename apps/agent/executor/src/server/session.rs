//! One connection: requests in, answers out, in whatever order they are ready.

use super::layers::{self, ReadFailure};
use super::streams::{FramesIn, FramesOut, end_stream};
use super::{Server, containers, networks};
use crate::failure::Result;
use rustix::net::sockopt::{set_socket_send_buffer_size, set_socket_send_buffer_size_force};
use serde::Serialize;
use std::io::{BufWriter, Read};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use wire::{Answer, Code, Failure, Frame, FrameKind, LayerUnpack, Operation, PROTOCOL, Request};

/// Requests of one connection at work at a time; the next one waits unread.
const MAX_AT_WORK: usize = 32;
const ARCHIVE_CHUNK_BYTES: usize = 256 * 1024;
/// What the kernel may hold of an archive that is being sent, so that sender and receiver need not take turns at every chunk of it.
const ARCHIVE_AHEAD_BYTES: usize = 1 << 20;

/// The writing side, shared by the requests at work.
struct Peer {
    stream: Mutex<UnixStream>,
    at_work: Mutex<usize>,
    one_done: Condvar,
}

impl Peer {
    fn answer<T: Serialize>(&self, id: i64, result: Result<T>) {
        let json = serde_json::to_vec(&Answer::new(id, result)).unwrap_or_default();
        if json.len() > wire::MAX_PAYLOAD_BYTES {
            return self.answer::<()>(id, Err(Failure::new(Code::TooLarge, "the answer is too long for a frame")));
        }
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        // A client that is gone needs no answer.
        let _ = wire::write_frame(&mut *stream, FrameKind::Json, &json);
    }

    /// Beyond what processes may ask for in general, where we may; it goes with the connection.
    fn send_ahead(&self) {
        let stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = set_socket_send_buffer_size_force(&*stream, ARCHIVE_AHEAD_BYTES)
            .or_else(|_| set_socket_send_buffer_size(&*stream, ARCHIVE_AHEAD_BYTES));
    }

    fn begin(&self) {
        let mut at_work = self.at_work.lock().unwrap_or_else(PoisonError::into_inner);
        while *at_work >= MAX_AT_WORK {
            at_work = self.one_done.wait(at_work).unwrap_or_else(PoisonError::into_inner);
        }
        *at_work += 1;
    }

    fn end(&self) {
        *self.at_work.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.one_done.notify_one();
    }
}

pub fn serve(server: &Arc<Server>, stream: UnixStream) {
    let Ok(writer) = stream.try_clone() else { return };
    let peer = Arc::new(Peer { stream: Mutex::new(writer), at_work: Mutex::new(0), one_done: Condvar::new() });
    let mut reader = std::io::BufReader::new(stream);
    // A protocol error ends the connection, as does its end.
    while let Ok(Some(Frame { kind: FrameKind::Json, payload })) = wire::read_frame(&mut reader) {
        let request: Request = match serde_json::from_slice(&payload) {
            Ok(request) => request,
            Err(error) => {
                peer.answer::<()>(id_of(&payload), Err(Failure::new(Code::Invalid, format!("parse the request: {error}"))));
                continue;
            }
        };
        if has_stream(&request.operation) {
            perform_stream(server, &peer, &mut reader, request);
            continue;
        }
        peer.begin();
        let (for_work, server) = (Arc::clone(&peer), Arc::clone(server));
        let spawned = std::thread::Builder::new().spawn(move || {
            perform(&server, &for_work, request);
            for_work.end();
        });
        if spawned.is_err() {
            return;
        }
    }
}

fn has_stream(operation: &Operation) -> bool {
    use Operation::{ArchiveRead, ArchiveWrite, Decompress, Finish, Unpack};
    matches!(operation, ArchiveRead { .. } | ArchiveWrite(_) | Unpack(_) | Finish(_) | Decompress {})
}

/// The id of a request that could not be understood otherwise.
fn id_of(payload: &[u8]) -> i64 {
    serde_json::from_slice::<serde_json::Value>(payload).ok().and_then(|value| value.get("id")?.as_i64()).unwrap_or(0)
}

#[derive(Serialize)]
struct Empty {}

fn empty(result: Result<()>) -> Result<Empty> {
    result.map(|()| Empty {})
}

fn perform(server: &Server, peer: &Peer, request: Request) {
    let id = request.id;
    match request.operation {
        Operation::Hello { protocol } => peer.answer(id, hello(protocol)),
        Operation::Create(create) => {
            peer.answer(id, super::create::create(server, create));
            server.spare.refill(&server.sealed);
        }
        Operation::Start { container_id } => peer.answer(id, containers::start(server, &container_id)),
        Operation::State { container_id } => peer.answer(id, containers::state(server, &container_id)),
        Operation::List {} => peer.answer(id, containers::list(server)),
        Operation::Kill { container_id, signal, all } => peer.answer(id, empty(containers::kill(server, &container_id, signal, all))),
        Operation::Delete { container_id, force } => {
            peer.answer(id, empty(crate::container::delete(&server.root, &container_id, force)));
        }
        Operation::Pause { container_id } => peer.answer(id, empty(containers::pause(server, &container_id))),
        Operation::Resume { container_id } => peer.answer(id, empty(containers::resume(server, &container_id))),
        Operation::Update { container_id, resources } => {
            peer.answer(id, empty(containers::update(server, &container_id, &resources)));
        }
        Operation::Stats { container_id } => peer.answer(id, super::stats::stats(server, &container_id)),
        Operation::Execs { container_id } => peer.answer(id, containers::execs(server, &container_id)),
        Operation::Processes { container_id } => peer.answer(id, containers::processes(server, &container_id)),
        Operation::BridgeEnsure { name, addresses, mtu } => peer.answer(id, empty(networks::ensure_bridge(&name, &addresses, mtu))),
        Operation::BridgeDelete { name } => peer.answer(id, empty(networks::delete_bridge(&name))),
        Operation::Connect { container_id, attachment } => {
            peer.answer(id, empty(networks::connect(server, &container_id, attachment)));
        }
        Operation::Disconnect { container_id, host_interface, name } => {
            peer.answer(id, empty(networks::disconnect(server, &container_id, &host_interface, &name)));
        }
        Operation::Diff(diff) => peer.answer(id, layers::diff(&diff)),
        Operation::Changes { upper_dir, lower_dirs } => peer.answer(id, layers::changes(&upper_dir, &lower_dirs)),
        Operation::Stat { rootfs, path } => peer.answer(id, layers::stat(server, &rootfs, &path)),
        Operation::RemoveTree { path } => peer.answer(id, empty(layers::remove_tree(&path))),
        Operation::SyncTree { path } => peer.answer(id, empty(layers::sync_tree(&path))),
        Operation::Unpack(_)
        | Operation::Finish(_)
        | Operation::Decompress {}
        | Operation::ArchiveRead { .. }
        | Operation::ArchiveWrite(_) => {
            peer.answer::<()>(id, Err(Failure::bug("a stream without its connection")));
        }
    }
}

/// Operations with bytes, which have the connection to themselves.
fn perform_stream(server: &Server, peer: &Peer, reader: &mut impl Read, request: Request) {
    let id = request.id;
    match request.operation {
        Operation::Unpack(unpack) => perform_unpack(peer, reader, id, &unpack),
        Operation::Finish(_) => peer.answer::<()>(id, Err(Failure::new(Code::WrongState, "no layer was unpacked on this connection"))),
        Operation::Decompress {} => {
            let mut bytes = FramesIn::new(reader);
            let sink = BufWriter::with_capacity(ARCHIVE_CHUNK_BYTES, FramesOut(&peer.stream));
            match layers::decompress(&mut bytes, sink) {
                Ok(()) => end_stream(&peer.stream),
                Err(failure) => peer.answer::<()>(id, Err(failure)),
            }
            bytes.discard_rest();
        }
        Operation::ArchiveWrite(write) => {
            let mut bytes = FramesIn::new(reader);
            peer.answer(id, layers::write_archive(server, &write, &mut bytes));
            bytes.discard_rest();
        }
        Operation::ArchiveRead { rootfs, path } => {
            peer.send_ahead();
            let announce = |stat| {
                peer.answer(id, Ok(stat));
                BufWriter::with_capacity(ARCHIVE_CHUNK_BYTES, FramesOut(&peer.stream))
            };
            match layers::read_archive(server, &rootfs, &path, announce) {
                Ok(()) => end_stream(&peer.stream),
                Err(ReadFailure::BeforeBytes(failure) | ReadFailure::AmongBytes(failure)) => peer.answer::<()>(id, Err(failure)),
            }
        }
        _ => peer.answer::<()>(id, Err(Failure::bug("not an operation with a stream"))),
    }
}

/// Answers when the layer's bytes are through; then waits until it is told the layers below. A client that leaves instead does not
/// want it.
fn perform_unpack(peer: &Peer, reader: &mut impl Read, id: i64, unpack: &LayerUnpack) {
    let mut bytes = FramesIn::new(reader);
    let received = layers::receive(unpack, &mut bytes);
    if unpack.source.is_none() {
        bytes.discard_rest();
    }
    let received = match received {
        Ok((received, result)) => {
            peer.answer(id, Ok(result));
            received
        }
        Err(failure) => return peer.answer::<()>(id, Err(failure)),
    };
    let Ok(Some(Frame { kind: FrameKind::Json, payload })) = wire::read_frame(reader) else { return };
    match serde_json::from_slice(&payload) {
        Ok(Request { id, operation: Operation::Finish(finish) }) => peer.answer(id, layers::finish(received, &finish)),
        _ => peer.answer::<()>(id_of(&payload), Err(Failure::new(Code::Invalid, "expected layer.finish"))),
    }
}

fn hello(protocol: u32) -> Result<wire::Hello> {
    if protocol != PROTOCOL {
        return Err(Failure::new(Code::Unsupported, format!("protocol {protocol} is not spoken here, only {PROTOCOL}")));
    }
    let hierarchies = cgroups::Hierarchies::detect();
    let cgroup = match hierarchies.mode() {
        cgroups::Mode::V1 => "v1",
        cgroups::Mode::V2 => "v2",
        cgroups::Mode::Hybrid => "hybrid",
        cgroups::Mode::Nothing => "none",
    };
    let filesystems = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    Ok(wire::Hello {
        protocol: PROTOCOL,
        version: env!("CARGO_PKG_VERSION").into(),
        cgroup: cgroup.into(),
        controllers: hierarchies.controllers(),
        overlay: filesystems.lines().any(|line| line.ends_with("\toverlay")),
        seccomp: std::path::Path::new("/proc/sys/kernel/seccomp/actions_avail").exists(),
    })
}

//! How a container ended, in a file of its own that is there, with its block, from the start: at the end it is overwritten in place, which
//! takes one write to the disk to be durable, where replacing a file takes several. A record that was torn by a power cut has a wrong
//! checksum, and reads as none: nobody had been told yet.

use crate::failure::{Attempt, Result};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use wire::{ExitStatus, Failure};

const NAME: &str = "exit";
const SLOT_BYTES: usize = 512;
/// Before the JSON: its checksum and its length, little-endian.
const HEADER_BYTES: usize = 8 + 4;

fn open(state_dir: &OwnedFd, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(state_dir, NAME, flags | OFlags::CLOEXEC | OFlags::NOFOLLOW, Mode::RUSR | Mode::WUSR)
}

/// Makes the empty slot. The disk gets to it by itself, and will have done so when a container ends that ran for seconds.
pub fn reserve(state_dir: &OwnedFd) -> Result<()> {
    let file = open(state_dir, OFlags::WRONLY | OFlags::CREATE).attempt("reserve the exit record")?;
    write_at_start(&file, &[0; SLOT_BYTES]).attempt("reserve the exit record")
}

fn write_at_start(file: &OwnedFd, bytes: &[u8]) -> rustix::io::Result<()> {
    let written = rustix::io::retry_on_intr(|| rustix::io::pwrite(file, bytes, 0))?;
    if written == bytes.len() { Ok(()) } else { Err(Errno::NOSPC) }
}

/// Returns when the record would survive a power cut.
pub fn write(state_dir: &OwnedFd, exit: &ExitStatus) -> Result<()> {
    let what = "write the exit record";
    let slot = encode(exit)?;
    let file = open(state_dir, OFlags::WRONLY | OFlags::CREATE).attempt(what)?;
    write_at_start(&file, &slot).attempt(what)?;
    rustix::fs::fdatasync(&file).attempt(what)
}

/// None while the container has not ended.
pub fn read(state_dir: &OwnedFd) -> Result<Option<ExitStatus>> {
    let file = match open(state_dir, OFlags::RDONLY) {
        Err(Errno::NOENT) => return Ok(None),
        file => file.attempt("read the exit record")?,
    };
    let mut slot = [0; SLOT_BYTES];
    let length = rustix::io::retry_on_intr(|| rustix::io::pread(&file, &mut slot, 0)).attempt("read the exit record")?;
    Ok(decode(&slot[..length]))
}

fn encode(exit: &ExitStatus) -> Result<[u8; SLOT_BYTES]> {
    let json = serde_json::to_vec(exit).map_err(|error| Failure::bug(format!("encode the exit record: {error}")))?;
    let mut slot = [0; SLOT_BYTES];
    let body = slot.get_mut(HEADER_BYTES..HEADER_BYTES + json.len()).ok_or_else(|| Failure::bug("the exit record is too long"))?;
    body.copy_from_slice(&json);
    slot[..8].copy_from_slice(&checksum(&json).to_le_bytes());
    slot[8..HEADER_BYTES].copy_from_slice(&(json.len() as u32).to_le_bytes());
    Ok(slot)
}

fn decode(slot: &[u8]) -> Option<ExitStatus> {
    let (sum, rest) = slot.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let json = rest.get(..u32::from_le_bytes(*length) as usize)?;
    if json.is_empty() || u64::from_le_bytes(*sum) != checksum(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit() -> ExitStatus {
        ExitStatus { code: 137, signal: Some(9), exited_at: "2026-11-24T15:00:00.123456789Z".into(), oom_killed: true }
    }

    #[test]
    fn every_torn_record_reads_as_none() {
        let slot = encode(&exit()).unwrap();
        assert_eq!(decode(&slot), Some(exit()));
        let used = slot.iter().rposition(|byte| *byte != 0).unwrap();
        for written in 0..=used {
            let mut torn = [0; SLOT_BYTES];
            torn[..written].copy_from_slice(&slot[..written]);
            assert_eq!(decode(&torn), None, "the first {written} bytes");
            assert_eq!(decode(&slot[..written]), None, "a file of {written} bytes");
            let mut tail = slot;
            tail[..written + 1].fill(0);
            assert_eq!(decode(&tail), None, "without the first {} bytes", written + 1);
        }
    }

    #[test]
    fn is_none_until_written_and_overwritten_in_place() {
        let path = std::env::temp_dir().join(format!("gantry-exit-record-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        let directory: OwnedFd = std::fs::File::open(&path).unwrap().into();
        assert_eq!(read(&directory).unwrap(), None);
        reserve(&directory).unwrap();
        assert_eq!(read(&directory).unwrap(), None);
        write(&directory, &exit()).unwrap();
        assert_eq!(read(&directory).unwrap(), Some(exit()));
        assert_eq!(std::fs::metadata(path.join(NAME)).unwrap().len(), SLOT_BYTES as u64);
        std::fs::remove_dir_all(path).unwrap();
    }
}

//! Measures unpacking: `cargo run --release -p layers --example unpack -- ARCHIVE [RUNS]`.
//!
//! Every run takes turns with two rivals on the same archive: `tar -x` behind gzip or zstd, and the floor, which is writing the same
//! files from memory, without tar, compression or hashes. What is printed is the best of each and the ratios; absolute times of a
//! shared machine mean little. TMPDIR says where; a tmpfs shows the program, a disk mostly shows the disk.

use layers::tar::{Kind, Reader};
use layers::{Compression, UnpackOptions, unpack};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let archive = arguments.next().ok_or("usage: unpack ARCHIVE [RUNS]")?;
    let runs = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let archive = Path::new(&archive);
    let scratch = std::env::temp_dir().join(format!("unpack-{}", std::process::id()));
    fs::create_dir(&scratch)?;
    let target = scratch.join("target");
    let files = content(archive)?;
    let bytes: usize = files.iter().map(|(_, content)| content.as_ref().map_or(0, Vec::len)).sum();
    println!("{} entries, {} MiB of content", files.len(), bytes >> 20);
    let mut best = [Duration::MAX; 4];
    for _ in 0..runs {
        let times = [
            timed(&target, || extract(archive, &target, false))?,
            timed(&target, || extract(archive, &target, true))?,
            timed(&target, || tar(archive, &target))?,
            timed(&target, || floor(&files, &target))?,
        ];
        best = std::array::from_fn(|at| best[at].min(times[at]));
    }
    fs::remove_dir_all(&scratch)?;
    for (name, time) in ["unpack", "unpack, durable", "tar -x", "floor: plain writes"].iter().zip(best) {
        let rate = bytes as f64 / time.as_secs_f64() / f64::from(1 << 20);
        let ratio = |to: Duration| time.as_secs_f64() / to.as_secs_f64();
        println!("{name:20} {time:>10.1?} {rate:>6.0} MiB/s   {:.2} of tar   {:.2} of the floor", ratio(best[2]), ratio(best[3]));
    }
    Ok(())
}

fn timed(target: &Path, run: impl FnOnce() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    run()?;
    let time = start.elapsed();
    fs::remove_dir_all(target)?;
    Ok(time)
}

fn extract(archive: &Path, target: &Path, durable: bool) -> Result<(), Failure> {
    let options =
        UnpackOptions { compression: Compression::Auto, digest: None, diff_id: None, max_bytes: u64::MAX, max_entries: u64::MAX, durable };
    unpack(File::open(archive)?, target, &options, &[])?;
    Ok(())
}

fn tar(archive: &Path, target: &Path) -> Result<(), Failure> {
    fs::create_dir(target)?;
    let status = Command::new("tar").arg("-xpf").arg(archive).arg("--xattrs").arg("-C").arg(target).status()?;
    if status.success() { Ok(()) } else { Err("tar failed".into()) }
}

type Files = Vec<(std::path::PathBuf, Option<Vec<u8>>)>;

fn content(archive: &Path) -> Result<Files, Failure> {
    let mut start = [0; 2];
    File::open(archive)?.read_exact(&mut start)?;
    let decoder = match start {
        [0x1f, 0x8b] => "gzip",
        [0x28, 0xb5] => "zstd",
        _ => "cat",
    };
    let mut decoding = Command::new(decoder)
        .args(if decoder == "cat" { &[][..] } else { &["-dc"] })
        .stdin(File::open(archive)?)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut reader = Reader::new(std::io::BufReader::new(decoding.stdout.take().ok_or("no output")?));
    let mut files = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        let name = String::from_utf8_lossy(&entry.name).trim_start_matches('/').to_owned();
        match entry.kind {
            Kind::Directory => files.push((name.into(), None)),
            Kind::File => {
                let mut bytes = Vec::new();
                reader.copy_content(|_, piece| {
                    bytes.extend_from_slice(piece);
                    Ok::<_, layers::tar::TarError>(())
                })?;
                files.push((name.into(), Some(bytes)));
            }
            _ => {}
        }
    }
    decoding.wait()?;
    Ok(files)
}

fn floor(files: &Files, target: &Path) -> Result<(), Failure> {
    fs::create_dir(target)?;
    for (name, content) in files {
        let path = target.join(name);
        match content {
            None => fs::create_dir_all(path)?,
            Some(content) => File::create(path)?.write_all(content)?,
        }
    }
    Ok(())
}

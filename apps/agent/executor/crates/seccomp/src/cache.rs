//! Compiled programs on disk, so that a profile is compiled once and not at every start and exec. An entry holds the whole profile it was
//! made of, which is compared: no other profile ever gets its program, whatever its hash.

use crate::{COMPILER, Program, compile, fingerprint};
use oci::{ConfigError, Seccomp};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use sys::InstallFilter;

/// Below the state directory; no container's id begins with a dot.
const DIRECTORY: &str = ".seccomp";
/// One for each profile in use, and those are few: one too many, and all are made anew.
const MAX_ENTRIES: usize = 64;
const MAX_ENTRY_BYTES: u64 = 1 << 20;
/// Which compiler, checksum of the program, flags, instructions.
const HEADER_BYTES: usize = 8 + 8 + 4 + 4;
const STEP_BYTES: usize = 8;

/// As [`compile`]. A cache that cannot be read or written costs time only.
pub fn compile_cached(root: &Path, profile: &Seccomp) -> Result<Program, ConfigError> {
    let directory = open_directory(root);
    let (Ok(directory), Ok(key)) = (directory, serde_json::to_vec(profile)) else { return compile(profile) };
    if let Some(program) = read(&directory, &key) {
        return Ok(program);
    }
    let program = compile(profile)?;
    let _ = write(&directory, &key, &program);
    Ok(program)
}

/// Ours alone, or it is no cache: whoever could write here would choose the filters of containers.
fn open_directory(root: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = rustix::fs::open(root, flags & !OFlags::NOFOLLOW, Mode::empty())?;
    let directory = match openat(&root, DIRECTORY, flags, Mode::empty()) {
        Err(Errno::NOENT) => {
            match mkdirat(&root, DIRECTORY, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno),
            }
            openat(&root, DIRECTORY, flags, Mode::empty())?
        }
        directory => directory?,
    };
    let stat = fstat(&directory)?;
    let is_ours = stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o077 == 0;
    if is_ours { Ok(directory) } else { Err(Errno::PERM) }
}

fn name_of(key: &[u8]) -> String {
    format!("{:016x}", fingerprint(COMPILER, key))
}

fn checksum(flags: u32, steps: &[u8]) -> u64 {
    fingerprint(COMPILER ^ u64::from(flags), steps)
}

fn encode(key: &[u8], program: &Program) -> Vec<u8> {
    let steps: Vec<u8> = program.filter.iter().flat_map(to_bytes).collect();
    let mut bytes = Vec::with_capacity(HEADER_BYTES + steps.len() + key.len());
    bytes.extend(COMPILER.to_ne_bytes());
    bytes.extend(checksum(program.flags, &steps).to_ne_bytes());
    bytes.extend(program.flags.to_ne_bytes());
    bytes.extend((program.filter.len() as u32).to_ne_bytes());
    bytes.extend(steps);
    bytes.extend(key);
    bytes
}

/// None for another profile, for another compiler's work, and for what a power cut has torn.
fn decode(bytes: &[u8], key: &[u8]) -> Option<Program> {
    let (compiler, rest) = bytes.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let (flags, rest) = rest.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<4>()?;
    let (steps, profile) = rest.split_at_checked((u32::from_ne_bytes(*count) as usize).checked_mul(STEP_BYTES)?)?;
    let flags = u32::from_ne_bytes(*flags);
    let is_whole = u64::from_ne_bytes(*compiler) == COMPILER && u64::from_ne_bytes(*sum) == checksum(flags, steps);
    if !is_whole || profile != key {
        return None;
    }
    Some(Program { filter: steps.chunks_exact(STEP_BYTES).filter_map(from_bytes).collect(), flags })
}

fn to_bytes(step: &InstallFilter) -> [u8; STEP_BYTES] {
    let ([a, b], [e, f, g, h]) = (step.code.to_ne_bytes(), step.k.to_ne_bytes());
    [a, b, step.jt, step.jf, e, f, g, h]
}

fn from_bytes(bytes: &[u8]) -> Option<InstallFilter> {
    let [a, b, jt, jf, e, f, g, h] = *bytes.first_chunk::<STEP_BYTES>()?;
    Some(InstallFilter { code: u16::from_ne_bytes([a, b]), jt, jf, k: u32::from_ne_bytes([e, f, g, h]) })
}

fn read(directory: &OwnedFd, key: &[u8]) -> Option<Program> {
    let file =
        openat(directory, name_of(key), OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()?;
    let stat = fstat(&file).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_size as u64 > MAX_ENTRY_BYTES {
        return None;
    }
    let mut bytes = Vec::with_capacity(stat.st_size as usize);
    File::from(file).take(MAX_ENTRY_BYTES).read_to_end(&mut bytes).ok()?;
    decode(&bytes, key)
}

fn write(directory: &OwnedFd, key: &[u8], program: &Program) -> std::io::Result<()> {
    let bytes = encode(key, program);
    if bytes.len() as u64 > MAX_ENTRY_BYTES {
        return Ok(());
    }
    make_room(directory)?;
    // In one step: nobody ever reads half an entry.
    let fresh = format!("new-{}", std::process::id());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    File::from(openat(directory, &fresh, flags, Mode::RUSR | Mode::WUSR)?).write_all(&bytes)?;
    Ok(renameat(directory, &fresh, directory, name_of(key))?)
}

fn make_room(directory: &OwnedFd) -> rustix::io::Result<()> {
    let is_entry = |name: &std::ffi::CStr| !matches!(name.to_bytes(), b"." | b"..");
    let names: Vec<_> =
        Dir::read_from(directory)?.flatten().map(|entry| entry.file_name().to_owned()).filter(|name| is_entry(name)).collect();
    if names.len() >= MAX_ENTRIES {
        for name in names {
            let _ = unlinkat(directory, name, AtFlags::empty());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::PathBuf;

    struct Root(PathBuf);

    impl Root {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gantry-seccomp-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn entries(&self) -> Vec<PathBuf> {
            std::fs::read_dir(self.0.join(DIRECTORY)).unwrap().map(|entry| entry.unwrap().path()).collect()
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn profile(name: &str) -> Seccomp {
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ERRNO","architectures":["SCMP_ARCH_X86_64"],"syscalls":[{{"names":["{name}"],"action":"SCMP_ACT_ALLOW"}}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn gives_what_the_compiler_gives_and_the_next_time_what_it_kept() {
        let root = Root::new("kept");
        let (read_only, write_only) = (compile(&profile("read")).unwrap(), compile(&profile("write")).unwrap());
        assert_ne!(read_only, write_only);
        assert_eq!(compile_cached(&root.0, &profile("read")).unwrap(), read_only);
        assert_eq!(compile_cached(&root.0, &profile("read")).unwrap(), read_only);
        assert_eq!(compile_cached(&root.0, &profile("write")).unwrap(), write_only);
        assert_eq!(root.entries().len(), 2);
        // Only an entry can explain a program that the profile does not compile to.
        let key = serde_json::to_vec(&profile("read")).unwrap();
        std::fs::write(root.0.join(DIRECTORY).join(name_of(&key)), encode(&key, &write_only)).unwrap();
        assert_eq!(compile_cached(&root.0, &profile("read")).unwrap(), write_only);
    }

    #[test]
    fn takes_no_entry_that_is_torn_or_another_profiles() {
        let root = Root::new("torn");
        let key = serde_json::to_vec(&profile("read")).unwrap();
        let program = compile_cached(&root.0, &profile("read")).unwrap();
        let path = root.0.join(DIRECTORY).join(name_of(&key));
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length], &key), None, "the first {length} bytes");
            let mut torn = whole.clone();
            torn[length] ^= 1;
            assert_eq!(decode(&torn, &key), None, "with byte {length} changed");
        }
        let other = serde_json::to_vec(&profile("write")).unwrap();
        std::fs::write(&path, encode(&other, &compile(&profile("write")).unwrap())).unwrap();
        assert_eq!(compile_cached(&root.0, &profile("read")).unwrap(), program);
    }

    #[test]
    fn is_not_used_where_others_may_write() {
        let root = Root::new("open");
        compile_cached(&root.0, &profile("read")).unwrap();
        let [entry] = root.entries().try_into().unwrap();
        let forged = compile(&profile("write")).unwrap();
        std::fs::write(&entry, encode(&serde_json::to_vec(&profile("read")).unwrap(), &forged)).unwrap();
        std::fs::set_permissions(root.0.join(DIRECTORY), std::fs::Permissions::from_mode(0o770)).unwrap();
        assert_eq!(compile_cached(&root.0, &profile("read")).unwrap(), compile(&profile("read")).unwrap());
        std::fs::rename(root.0.join(DIRECTORY), root.0.join("elsewhere")).unwrap();
        std::fs::set_permissions(root.0.join("elsewhere"), std::fs::Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::symlink("elsewhere", root.0.join(DIRECTORY)).unwrap();
        assert_eq!(compile_cached(&root.0, &profile("read")).unwrap(), compile(&profile("read")).unwrap());
    }

    #[test]
    fn is_bounded() {
        let root = Root::new("bounded");
        for index in 0..MAX_ENTRIES + 3 {
            compile_cached(&root.0, &Seccomp { listener_metadata: index.to_string(), ..profile("read") }).unwrap();
        }
        assert!(root.entries().len() <= MAX_ENTRIES);
    }
}

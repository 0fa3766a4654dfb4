//! What the kernel alone takes for a container like Docker's default one: a vfork-like clone into six new namespaces, a root file system,
//! its mounts, devices and masks, `pivot_root`, and the program; nothing is configured, checked or recorded.
//!
//!     floor ROOTFS PROGRAM [CGROUP]
//!
//! With CGROUP the program also runs in a new cgroup of that name in every v1 hierarchy, or in v2 where there is nothing else. ROOTFS has
//! bin, dev, proc and sys.

use std::ffi::{CStr, CString, c_int, c_void};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::path::PathBuf;

const STACK_BYTES: usize = 64 * 1024;
const MASKED_FILES: [&CStr; 3] = [c"/proc/kcore", c"/proc/keys", c"/proc/timer_list"];
const MASKED_DIRECTORIES: [&CStr; 2] = [c"/proc/acpi", c"/sys/firmware"];
const READ_ONLY: [&CStr; 5] = [c"/proc/bus", c"/proc/fs", c"/proc/irq", c"/proc/sys", c"/proc/sysrq-trigger"];
const DEVICES: [(&CStr, u32, u32); 6] = [
    (c"/dev/null", 1, 3),
    (c"/dev/zero", 1, 5),
    (c"/dev/full", 1, 7),
    (c"/dev/random", 1, 8),
    (c"/dev/urandom", 1, 9),
    (c"/dev/tty", 5, 0),
];

struct Plan {
    rootfs: CString,
    argv: [*const libc::c_char; 2],
    doors: Vec<RawFd>,
}

fn check(result: c_int) {
    if result < 0 {
        // SAFETY: the child of a vfork-like clone may call _exit.
        unsafe { libc::_exit(1) };
    }
}

fn mount(source: &CStr, target: &CStr, kind: &CStr, flags: libc::c_ulong, options: &CStr) -> c_int {
    // SAFETY: all are C strings that live as long as the call.
    unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast()) }
}

extern "C" fn child(argument: *mut c_void) -> c_int {
    // SAFETY: the parent sleeps, with `plan` on its stack, until this process execs or exits.
    let plan = unsafe { &*(argument as *const Plan) };
    let bind = libc::MS_BIND | libc::MS_REC;
    let quiet = libc::MS_NOSUID | libc::MS_NOEXEC | libc::MS_NODEV;
    for door in &plan.doors {
        // SAFETY: a descriptor that the parent opened.
        check(unsafe { libc::write(*door, c"0".as_ptr().cast(), 1) } as c_int);
    }
    check(mount(c"", c"/", c"", libc::MS_REC | libc::MS_PRIVATE, c""));
    check(mount(&plan.rootfs, &plan.rootfs, c"", bind, c""));
    // SAFETY: plain system calls on live C strings.
    unsafe {
        check(libc::chdir(plan.rootfs.as_ptr()));
        check(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()) as c_int);
        check(mount(c"proc", c"/proc", c"proc", quiet, c""));
        check(mount(c"tmpfs", c"/dev", c"tmpfs", libc::MS_NOSUID, c"mode=755,size=65536k"));
        check(libc::mkdir(c"/dev/pts".as_ptr(), 0o755));
        check(libc::mkdir(c"/dev/shm".as_ptr(), 0o755));
        check(libc::mkdir(c"/dev/mqueue".as_ptr(), 0o755));
        check(mount(c"devpts", c"/dev/pts", c"devpts", libc::MS_NOSUID | libc::MS_NOEXEC, c"newinstance,ptmxmode=0666,mode=0620,gid=5"));
        check(mount(c"sysfs", c"/sys", c"sysfs", quiet | libc::MS_RDONLY, c""));
        check(mount(c"mqueue", c"/dev/mqueue", c"mqueue", quiet, c""));
        check(mount(c"shm", c"/dev/shm", c"tmpfs", quiet, c"mode=1777,size=65536k"));
        for (path, major, minor) in DEVICES {
            check(libc::mknod(path.as_ptr(), libc::S_IFCHR | 0o666, libc::makedev(major, minor)));
        }
        // The kernel may have been built without what these belong to.
        for path in MASKED_FILES {
            mount(c"/dev/null", path, c"", bind, c"");
        }
        for path in MASKED_DIRECTORIES {
            mount(c"tmpfs", path, c"tmpfs", libc::MS_RDONLY, c"");
        }
        for path in READ_ONLY {
            if mount(path, path, c"", bind, c"") == 0 {
                mount(path, path, c"", bind | libc::MS_REMOUNT | libc::MS_RDONLY, c"");
            }
        }
        check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH));
        check(libc::chdir(c"/".as_ptr()));
        libc::execve(plan.argv[0], plan.argv.as_ptr(), [std::ptr::null()].as_ptr());
        libc::_exit(1)
    }
}

/// The directories to make and remove, and what to write "0" to from inside.
fn cgroup(name: &str) -> std::io::Result<(Vec<PathBuf>, Vec<OwnedFd>)> {
    let (mut directories, mut doors) = (Vec::new(), Vec::new());
    let mounts = std::fs::read_to_string("/proc/mounts")?;
    let has_v1 = mounts.lines().any(|line| line.split(' ').nth(2) == Some("cgroup"));
    for line in mounts.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(mount), Some(kind)) = (fields.next(), fields.next()) else { continue };
        let door = match kind {
            "cgroup" => "tasks",
            "cgroup2" if !has_v1 => "cgroup.procs",
            _ => continue,
        };
        let directory = PathBuf::from(mount).join(name);
        std::fs::create_dir(&directory)?;
        for file in ["cpuset.cpus", "cpuset.mems"] {
            if kind == "cgroup" && directory.join(file).exists() {
                std::fs::write(directory.join(file), std::fs::read(PathBuf::from(mount).join(file))?)?;
            }
        }
        doors.push(std::fs::OpenOptions::new().write(true).open(directory.join(door))?.into());
        directories.push(directory);
    }
    Ok((directories, doors))
}

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rootfs, program, rest @ ..] = arguments.as_slice() else {
        return Err(std::io::Error::other("usage: floor ROOTFS PROGRAM [CGROUP]"));
    };
    let program = CString::new(program.as_str())?;
    let (directories, doors) = rest.first().map_or(Ok((Vec::new(), Vec::new())), |name| cgroup(name))?;
    let plan = Plan {
        rootfs: CString::new(rootfs.as_str())?,
        argv: [program.as_ptr(), std::ptr::null()],
        doors: doors.iter().map(AsRawFd::as_raw_fd).collect(),
    };
    let mut stack = vec![0u128; STACK_BYTES / size_of::<u128>()];
    let namespaces =
        libc::CLONE_NEWNS | libc::CLONE_NEWNET | libc::CLONE_NEWUTS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWCGROUP;
    let flags = namespaces | libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let mut status = 0;
    // SAFETY: with CLONE_VFORK this continues only when the child no longer uses `stack` and `plan`.
    let ended = unsafe {
        let pid = libc::clone(child, stack.as_mut_ptr().add(stack.len()).cast(), flags, (&raw const plan).cast_mut().cast());
        if pid > 0 { libc::waitpid(pid, &mut status, 0) } else { -1 }
    };
    let failure = std::io::Error::last_os_error();
    for directory in directories {
        std::fs::remove_dir(directory)?;
    }
    match (ended > 0, status) {
        (true, 0) => Ok(()),
        (true, _) => Err(std::io::Error::other(format!("the program, or what leads to it, failed: status {status}"))),
        (false, _) => Err(failure),
    }
}

//! Giving memory back to the kernel.

use std::ffi::c_void;

/// Returns freed heap pages to the kernel: a process that waits for long does so on what it needs.
pub fn malloc_trim() {
    // SAFETY: glibc's allocator is internally synchronised.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0)
    };
}

/// Gives back whatever a sleeping process can do without: freed heap, the stack below its caller, and the mappings of its own code,
/// which is read-only and comes back from the page cache piece by piece as it is run.
///
/// For programs of one thread.
pub fn release_memory() {
    malloc_trim();
    release_stack();
    release_code();
}

/// As far as the kernel keeps everything else away from a stack that grows (stack_guard_gap).
const STACK_REACH: usize = 512 * 1024;

#[inline(never)]
fn release_stack() {
    let page = rustix::param::page_size();
    let here = 0u8;
    // The frame of madvise itself, and the red zone, lie right below.
    let end = ((&raw const here).addr() & !(page - 1)) - page;
    // SAFETY: nothing live is below the stack pointer of the only thread. Where the stack has not grown to, the kernel finds no mapping
    // and says so, and none but the stack can be this close to it.
    unsafe { libc::madvise((end - STACK_REACH) as *mut c_void, STACK_REACH, libc::MADV_DONTNEED) };
}

fn release_code() {
    // SAFETY: `release_segments` has the signature that is asked for, and keeps nothing of what it is given.
    unsafe { libc::dl_iterate_phdr(Some(release_segments), std::ptr::null_mut()) };
}

/// Of the program: the first object told of.
unsafe extern "C" fn release_segments(object: *mut libc::dl_phdr_info, _size: usize, _data: *mut c_void) -> libc::c_int {
    let page = rustix::param::page_size();
    // SAFETY: libc passes a description of the program that is valid during the call. Segments that are not writable, relocations
    // included (they are in a writable one), hold what the file holds, so that a dropped page is read from there again.
    unsafe {
        let object = &*object;
        for header in std::slice::from_raw_parts(object.dlpi_phdr, object.dlpi_phnum.into()) {
            if header.p_type == libc::PT_LOAD && header.p_flags & libc::PF_W == 0 {
                let begin = (object.dlpi_addr + header.p_vaddr) as usize & !(page - 1);
                let end = (object.dlpi_addr + header.p_vaddr + header.p_memsz) as usize;
                libc::madvise(begin as *mut c_void, end - begin, libc::MADV_DONTNEED);
            }
        }
    }
    1
}

//! How the system's allocator gives memory back.

/// Threads that allocate share this many arenas. By default each gets one of
/// its own, and each keeps what was freed in it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 2;

/// From this size on, in bytes, memory is taken from the system and given back
/// on its own. By default the limit grows with what is freed, up to 32 MiB, and
/// pages and row groups would never be given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING: i32 = 128 << 10;

/// Free memory at the top of an arena, in bytes, beyond which it is given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_AT_TOP: i32 = 256 << 10;

/// Tells glibc to keep little of what is freed. Record batches are made in one
/// thread and freed in another; with glibc's defaults a flow of 200,000 rows
/// takes half as much memory again, at the same speed. Must be called before
/// the first thread is made.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "mallopt is only there as a C function")]
pub fn tune() {
    // SAFETY: mallopt takes two integers and changes settings of the allocator
    // under its own lock; no other thread runs yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, OWN_MAPPING);
        libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT_AT_TOP);
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn tune() {}

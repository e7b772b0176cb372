//! How much memory runs may take, and how the system's allocator gives it back.

use std::str::FromStr;

use serde::Deserialize;

/// A size of memory, as people write it: bytes, or with one of the units
/// `KiB`, `MiB`, `GiB` (1,024 each) and `kB`, `MB`, `GB` (1,000 each).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct MemorySize(usize);

impl MemorySize {
    /// With less, no batch of a run would find a place.
    pub const LEAST: Self = Self(16 << 20);
    /// Where nothing is said.
    pub const DEFAULT: Self = Self(256 << 20);

    /// In bytes.
    pub const fn bytes(self) -> usize {
        self.0
    }
}

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused =
            || format!("'{text}' is no size of memory: write a whole number and a unit, such as 256MiB");
        let end = text.find(|one: char| !one.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let unit = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" | "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(refused()),
        };
        let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
        bytes.map(Self).ok_or_else(refused)
    }
}

impl TryFrom<String> for MemorySize {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Threads that allocate share this many arenas. By default each gets one of
/// its own, and each keeps what was freed in it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 2;

/// From this size on, in bytes, memory is taken from the system and given back
/// on its own. By default the limit grows with what is freed, up to 32 MiB, and
/// pages and row groups would never be given back. Below a few MiB each column
/// of a batch would be a mapping of its own, and the system would clear pages
/// for it anew: a twelfth of the time of a flow from CSV to Parquet.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN_MAPPING: i32 = 4 << 20;

/// Free memory at the top of an arena, in bytes, beyond which it is given back.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT_AT_TOP: i32 = 4 << 20;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("1", 1),
            ("64MiB", 64 << 20),
            ("1 GiB", 1 << 30),
            ("2KiB", 2_048),
            ("3kB", 3_000),
            ("5MB", 5_000_000),
            ("1GB", 1_000_000_000),
        ] {
            assert_eq!(text.parse().map(MemorySize::bytes), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5GiB", "1mib", "1 TB", "99999999999GiB"] {
            let error = text.parse::<MemorySize>().unwrap_err();
            assert!(error.contains(text) && error.contains("256MiB"), "{error}");
        }
    }
}

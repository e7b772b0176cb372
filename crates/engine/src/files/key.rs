//! Bucket names and object keys that are safe as file names.

use std::path::{Path, PathBuf};

/// Longest name of one file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;
/// Longest key of S3, in bytes.
const LONGEST_KEY: usize = 1_024;

/// Whether a name is a bucket's by S3's rules, which also makes it one plain
/// folder name: lower-case letters, digits, dots and hyphens, first and last
/// of which is a letter or a digit.
pub(crate) fn is_bucket_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| inner(byte) || matches!(byte, b'.' | b'-'))
        && name.bytes().next().is_some_and(inner)
        && name.bytes().next_back().is_some_and(inner)
        && !name.contains("..")
}

/// Why a key cannot be used; `None` when it can. A usable key names one file
/// below its bucket and nothing else.
pub(crate) fn unusable(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    if key.len() > LONGEST_KEY {
        return Some("it is longer than 1024 bytes");
    }
    if key.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Some("it holds a control character");
    }
    key.split('/').find_map(|part| match part {
        "" => Some("it begins or ends with a slash, or has two in a row"),
        "." | ".." => Some("it holds the part . or .."),
        part if part.len() > LONGEST_NAME => Some("one of its parts is longer than 255 bytes"),
        _ => None,
    })
}

/// The file of a usable key below a folder.
pub(crate) fn below(folder: &Path, key: &str) -> PathBuf {
    debug_assert_eq!(unusable(key), None, "keys are checked where they come in");
    folder.join(key)
}

/// Joins parts with exactly one slash; empty parts vanish.
pub(crate) fn join<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut joined = String::new();
    for part in parts.into_iter().flat_map(|part| part.split('/')).filter(|part| !part.is_empty()) {
        if !joined.is_empty() {
            joined.push('/');
        }
        joined.push_str(part);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_bucket_are_refused() {
        for key in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", ".", "a\0b", "a\nb", &"a/".repeat(600)] {
            assert!(unusable(key).is_some(), "{key:?}");
        }
        for key in ["a", "a/b.csv", "ä ö/%2F:*?\"<>|\\", "..a/b..", ".hidden", "2023-01-01T00:00:00"] {
            assert_eq!(unusable(key), None, "{key:?}");
        }
        assert!(unusable(&"x".repeat(256)).is_some());
    }

    #[test]
    fn bucket_names_are_plain_folder_names() {
        for name in ["my-bucket", "a.b", "abc"] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in ["", "ab", "..", ".staging", "a/b", "A-Bucket", "a..b", "-ab", "ab-", &"a".repeat(64)] {
            assert!(!is_bucket_name(name), "{name}");
        }
    }

    #[test]
    fn parts_are_joined_with_one_slash() {
        assert_eq!(join(["/in/", "", "flow", "x//y/"]), "in/flow/x/y");
    }
}

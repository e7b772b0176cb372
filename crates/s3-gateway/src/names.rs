//! What a bucket's name and an object's key may be, so that each names one
//! place below the root and nothing else. The rules are those of the flows'
//! own buckets.

use s3s::{S3Result, s3_error};

/// Longest name of one file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// Longest key of S3, in bytes.
const LONGEST_KEY: usize = 1_024;

/// Files that flows are still copying into a bucket begin like this.
pub(crate) const UNFINISHED: &str = ".tidegate-unfinished-";

/// Whether a name is a bucket's by S3's rules, which also makes it one plain
/// folder name that begins with no dot.
pub(crate) fn is_bucket(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| inner(byte) || matches!(byte, b'.' | b'-'))
        && name.bytes().next().is_some_and(inner)
        && name.bytes().next_back().is_some_and(inner)
        && !name.contains("..")
}

/// Whether a part of a key can be the name of a file or a folder.
pub(crate) fn is_part(part: &str) -> bool {
    !matches!(part, "" | "." | "..")
        && part.len() <= LONGEST_NAME
        && !part.starts_with(UNFINISHED)
        && !part.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == b'/')
}

/// Checks a key.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    if key.len() > LONGEST_KEY {
        return Err(s3_error!(KeyTooLongError));
    }
    match key.split('/').find(|part| !is_part(part)) {
        None => Ok(()),
        Some(part) => Err(s3_error!(
            InvalidArgument,
            "The key cannot be a file's name because of its part {part:?}: parts are not empty, not . or .., not \
             longer than 255 bytes, and have no control characters"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_bucket_are_refused() {
        for key in
            ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", ".", "a\0b", "a\nb", ".tidegate-unfinished-x"]
        {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        assert!(check_key(&"a/".repeat(600)).is_err() && check_key(&"x".repeat(256)).is_err());
        for key in ["a", "a/b.csv", "ä ö/%2F:*?\"<>|\\", "..a/b..", ".hidden", "2023-01-01T00:00:00"] {
            assert!(check_key(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn bucket_names_are_plain_folder_names() {
        for name in ["my-bucket", "a.b", "abc"] {
            assert!(is_bucket(name), "{name}");
        }
        for name in
            ["", "ab", "..", ".staging", ".uploads", "a/b", "A-Bucket", "a..b", "-ab", &"a".repeat(64)]
        {
            assert!(!is_bucket(name), "{name}");
        }
    }
}

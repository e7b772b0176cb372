//! Bucket names and object keys that are safe as names of folders and files.
//! Flows and the S3 listener write into the same local buckets, so both ask here.

/// Longest name of one file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// Longest key of S3, in bytes.
pub const LONGEST_KEY: usize = 1_024;

/// Files that are still being copied into a bucket begin like this; they are no objects.
pub const UNFINISHED: &str = ".tidegate-unfinished-";

/// Whether a name is a bucket's by S3's rules, which also makes it one plain
/// folder name: lower-case letters, digits, dots and hyphens, first and last
/// of which is a letter or a digit.
pub fn is_bucket_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| inner(byte) || matches!(byte, b'.' | b'-'))
        && name.bytes().next().is_some_and(inner)
        && name.bytes().next_back().is_some_and(inner)
        && !name.contains("..")
}

/// Why a key cannot be used; `None` when it can. A usable key names one file
/// below its bucket and nothing else.
pub fn unusable_key(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    if key.len() > LONGEST_KEY {
        return Some("it is longer than 1024 bytes");
    }
    key.split('/').find_map(unusable_part)
}

/// Why a part of a key, between its slashes, cannot be the name of a file or a
/// folder; `None` when it can.
pub fn unusable_part(part: &str) -> Option<&'static str> {
    match part {
        "" => Some("it begins or ends with a slash, or has two in a row"),
        "." | ".." => Some("it holds the part . or .."),
        _ if part.len() > LONGEST_NAME => Some("one of its parts is longer than 255 bytes"),
        _ if part.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == b'/') => {
            Some("it holds a control character")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_bucket_are_refused() {
        for key in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.", ".", "a\0b", "a\nb", &"a/".repeat(600)] {
            assert!(unusable_key(key).is_some(), "{key:?}");
        }
        for key in ["a", "a/b.csv", "ä ö/%2F:*?\"<>|\\", "..a/b..", ".hidden", "2023-01-01T00:00:00"] {
            assert_eq!(unusable_key(key), None, "{key:?}");
        }
        assert!(unusable_key(&"x".repeat(256)).is_some());
        assert!(unusable_key(&vec!["x".repeat(255); 5].join("/")).is_some());
        assert!(unusable_part("a/b").is_some());
    }

    #[test]
    fn bucket_names_are_plain_folder_names() {
        for name in ["my-bucket", "a.b", "abc"] {
            assert!(is_bucket_name(name), "{name}");
        }
        for name in
            ["", "ab", "..", ".staging", ".uploads", "a/b", "A-Bucket", "a..b", "-ab", "ab-", &"a".repeat(64)]
        {
            assert!(!is_bucket_name(name), "{name}");
        }
    }
}

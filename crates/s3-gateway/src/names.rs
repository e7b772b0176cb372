//! Which keys an object may have: those that flows' own buckets have, but for
//! the files that are still on their way into one.

use s3s::{S3Result, s3_error};
pub(crate) use tidegate_core::bucket::is_bucket_name as is_bucket;
use tidegate_core::bucket::{LONGEST_KEY, UNFINISHED, unusable_key, unusable_part};

/// Whether a part of a key can be the name of a file or a folder.
pub(crate) fn is_part(part: &str) -> bool {
    unusable_part(part).is_none() && !part.starts_with(UNFINISHED)
}

/// Checks a key.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    if key.len() > LONGEST_KEY {
        return Err(s3_error!(KeyTooLongError));
    }
    if let Some(why) = unusable_key(key) {
        return Err(s3_error!(InvalidArgument, "The key {key:?} cannot be a file's name: {why}"));
    }
    if key.split('/').all(is_part) {
        return Ok(());
    }
    Err(s3_error!(InvalidArgument, "The key {key:?} is kept for files on their way into a bucket"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_leave_the_bucket_are_refused() {
        for key in
            ["", "/a", "a//b", "a/../b", "a\0b", ".tidegate-unfinished-x", "a/.tidegate-unfinished-x/b"]
        {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        assert!(check_key(&"a/".repeat(600)).is_err());
        for key in ["a", "a/b.csv", ".hidden", "2023-01-01T00:00:00", "a/x.tidegate-unfinished-"] {
            assert!(check_key(key).is_ok(), "{key:?}");
        }
    }
}

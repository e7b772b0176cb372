//! Bucket names and object keys that are safe as file names.

use std::path::{Path, PathBuf};

pub(crate) use tidegate_core::bucket::{is_bucket_name, unusable_key as unusable};

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
    fn parts_are_joined_with_one_slash() {
        assert_eq!(join(["/in/", "", "flow", "x//y/"]), "in/flow/x/y");
    }
}

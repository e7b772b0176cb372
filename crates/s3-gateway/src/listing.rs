//! Listing a bucket as S3 does it: in the order of the keys' bytes, by prefix
//! and delimiter, a page at a time. Folders that cannot hold anything of the
//! page are not read.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use crate::names;

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// Keys that begin with it.
    pub prefix: String,
    /// What comes behind it in a key is rolled up.
    pub delimiter: Option<String>,
    /// Keys after this one.
    pub after: String,
    /// Nothing of this rolled-up prefix: it was on the page before.
    pub beyond: Option<String>,
    /// At most so many of both.
    pub most: usize,
}

/// An entry of a page.
#[derive(Debug)]
pub(crate) enum Entry {
    /// An object, by its key.
    Object(String, Metadata),
    /// Keys that begin with this and a delimiter's end.
    Prefix(String),
}

impl Entry {
    /// What it is sorted by.
    pub fn name(&self) -> &str {
        match self {
            Self::Object(name, _) | Self::Prefix(name) => name,
        }
    }
}

/// A page.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// In order.
    pub entries: Vec<Entry>,
    /// There are more.
    pub truncated: bool,
}

/// Lists a bucket's folder.
pub(crate) fn list(folder: &Path, query: &Query) -> io::Result<Listing> {
    let mut listing = Listing::default();
    if query.most > 0 {
        walk(folder, "", query, &mut listing)?;
    }
    Ok(listing)
}

/// Whether the walk goes on.
type GoOn = bool;

fn walk(folder: &Path, before: &str, query: &Query, listing: &mut Listing) -> io::Result<GoOn> {
    let whole = rolled(before, query);
    for (name, is_folder) in entries(folder)? {
        // All that is in here is one entry, and it is on the page.
        if whole.is_some() && listing.entries.last().map(Entry::name) == whole.as_deref() {
            return Ok(true);
        }
        let key = format!("{before}{name}");
        let path = folder.join(name.trim_end_matches('/'));
        if !is_folder {
            if key.starts_with(&query.prefix)
                && key > query.after
                && query.beyond.as_ref().is_none_or(|beyond| !key.starts_with(beyond))
                && !take(key, &path, query, listing)
            {
                return Ok(false);
            }
            continue;
        }
        // The key ends with a slash here: all keys below begin with it.
        let apart = !key.starts_with(&query.prefix) && !query.prefix.starts_with(&key);
        let over = key < query.after && !query.after.starts_with(&key);
        let seen = query.beyond.as_ref().is_some_and(|beyond| key.starts_with(beyond));
        if apart || over || seen {
            continue;
        }
        let known = rolled(&key, query);
        if let (Some(known), Some(last)) = (&known, listing.entries.last())
            && last.name() == known
        {
            continue;
        }
        if !walk(&path, &key, query, listing)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Puts an object, or what it is rolled up into, on the page.
fn take(key: String, path: &Path, query: &Query, listing: &mut Listing) -> GoOn {
    let rolled = rolled(&key, query);
    if let (Some(rolled), Some(last)) = (&rolled, listing.entries.last())
        && last.name() == rolled
    {
        return true;
    }
    // A link is followed by nobody, and a file may be gone since its folder was read.
    let Some(metadata) = fs::symlink_metadata(path).ok().filter(Metadata::is_file) else { return true };
    if listing.entries.len() == query.most {
        listing.truncated = true;
        return false;
    }
    listing.entries.push(match rolled {
        Some(prefix) => Entry::Prefix(prefix),
        None => Entry::Object(key, metadata),
    });
    true
}

/// The common prefix that a key is rolled up into, if it is.
fn rolled(key: &str, query: &Query) -> Option<String> {
    let delimiter = query.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.strip_prefix(query.prefix.as_str())?;
    let end = rest.find(delimiter)? + delimiter.len();
    Some(format!("{}{}", query.prefix, &rest[..end]))
}

/// The names in a folder as parts of keys, in the order of the keys: that of a
/// folder ends with a slash.
fn entries(folder: &Path) -> io::Result<Vec<(String, bool)>> {
    let read = match fs::read_dir(folder) {
        // It was there a moment ago, or was a folder without objects.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        read => read?,
    };
    let mut found = Vec::new();
    for entry in read {
        let entry = entry?;
        let Ok(mut name) = entry.file_name().into_string() else { continue };
        if !names::is_part(&name) {
            continue;
        }
        let is_folder = entry.file_type()?.is_dir();
        if is_folder {
            name.push('/');
        }
        found.push((name, is_folder));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const KEYS: [&str; 14] = [
        "a", "a-b", "a.txt", "b/1", "b/2", "b/c/3", "b/c/4", "b/d/5", "b0", "c:d/x", "d/e/f/g", "d/e/h", "z",
        "ä/ö",
    ];

    fn bucket() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for key in KEYS {
            let path = folder.path().join(key);
            fs::create_dir_all(path.parent().expect("below")).expect("made");
            fs::write(path, key).expect("written");
        }
        fs::create_dir_all(folder.path().join("empty/er")).expect("made");
        fs::write(folder.path().join(".tidegate-unfinished-x"), "").expect("written");
        std::os::unix::fs::symlink("/etc/passwd", folder.path().join("link")).expect("linked");
        std::os::unix::fs::symlink("/etc", folder.path().join("links")).expect("linked");
        folder
    }

    /// What S3's documents say, done the slow way.
    fn expected(prefix: &str, delimiter: Option<&str>, after: &str) -> Vec<String> {
        let keys = KEYS.iter().filter(|key| key.starts_with(prefix) && **key > after);
        let names = keys.map(|key| {
            match delimiter.and_then(|by| key[prefix.len()..].find(by).map(|at| at + by.len())) {
                Some(end) => key[..prefix.len() + end].to_owned(),
                None => (*key).to_owned(),
            }
        });
        names.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// All pages of one size.
    fn pages(folder: &Path, prefix: &str, delimiter: Option<&str>, after: &str, most: usize) -> Vec<String> {
        let (mut names, mut after, mut beyond) = (Vec::new(), after.to_owned(), None);
        loop {
            let query = Query {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                after: after.clone(),
                beyond: beyond.clone(),
                most,
            };
            let page = list(folder, &query).expect("listed");
            assert!(page.entries.len() <= most);
            names.extend(page.entries.iter().map(|entry| entry.name().to_owned()));
            if !page.truncated {
                return names;
            }
            match page.entries.last().expect("a page that is cut has entries") {
                Entry::Object(key, _) => (after, beyond) = (key.clone(), None),
                Entry::Prefix(prefix) => (after, beyond) = (prefix.clone(), Some(prefix.clone())),
            }
        }
    }

    #[test]
    fn every_prefix_delimiter_start_and_size_of_page_gives_what_s3_gives() {
        let folder = bucket();
        let prefixes =
            ["", "a", "b", "b/", "b/c", "b/c/", "b/c/3", "c:", "d/", "d/e", "no", "link", "ä", "empty"];
        for prefix in prefixes {
            for delimiter in [None, Some("/"), Some("e/"), Some(":")] {
                for after in ["", "a-b", "b/1", "b/c/3", "b/zz", "d/e/f/g", "zz"] {
                    for most in [1, 2, 3, 100] {
                        assert_eq!(
                            pages(folder.path(), prefix, delimiter, after, most),
                            expected(prefix, delimiter, after),
                            "{prefix:?} {delimiter:?} {after:?} {most}"
                        );
                    }
                }
            }
        }
        let none = list(folder.path(), &Query { most: 0, ..Query::default() }).expect("listed");
        assert!(none.entries.is_empty() && !none.truncated);
    }
}

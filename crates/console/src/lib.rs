//! The files of the console, compressed at build time and embedded.
//!
//! `build.rs` builds the npm project in `console/` and writes the table. Where that is not possible
//! or not wanted, the table holds a page that says how to get the console, and [`available`] is false.

#[cfg(test)]
mod tests;

/// One file, at one path.
#[derive(Debug)]
pub struct Asset {
    /// The path below the server's root, such as `/assets/index-4f2a.js`.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// A strong entity tag of the content, with its quotes. Each encoding needs a tag of its own.
    pub etag: &'static str,
    /// Whether the name changes with the content, so that nobody need ever ask again.
    pub immutable: bool,
    /// The content as it is; `None` where the compressed forms are all there is.
    pub plain: Option<&'static [u8]>,
    /// The content, compressed with brotli.
    pub brotli: Option<&'static [u8]>,
    /// The content, compressed with gzip.
    pub gzip: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// Whether the console itself is in this build, and not only the page that says how to get it.
pub const fn available() -> bool {
    AVAILABLE
}

/// The file at a path, which must be written exactly as in the table: nothing is decoded or resolved.
pub fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().and_then(|at| ASSETS.get(at))
}

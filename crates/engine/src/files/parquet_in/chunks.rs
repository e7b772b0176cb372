//! A Parquet file that is read in ranges, from a thread of its own.
//!
//! Pages of a column follow each other, so each column has a window that
//! moves along; never is a whole row group in memory.

use std::collections::HashMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use datafusion::parquet::errors::{ParquetError, Result};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use tidegate_core::connector::Progress;
use tokio::runtime::Handle;

use super::super::opened::Opened;
use crate::error::RunError;

/// Bytes at the end of a file that are read first: most footers fit.
const TAIL: u64 = 64 * 1024;
/// Memory for the windows of all columns together.
const WINDOWS: u64 = 16 * 1024 * 1024;
/// Enough for the headers of pages; so 4,096 columns keep within the whole.
const SMALLEST_WINDOW: u64 = 4 * 1024;
/// The largest page, in bytes. Writers keep to about 1 MiB; a page beyond this is a mistake or an attack.
const LARGEST_PAGE: u64 = 256 * 1024 * 1024;
const LARGEST_WINDOW: u64 = 4 * 1024 * 1024;

/// Where the pages of a column lie in a row group.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    pub range: Range<u64>,
    pub column: usize,
}

/// An open file.
#[derive(Clone)]
pub(super) struct Chunks(Arc<Inner>);

struct Inner {
    object: Opened,
    handle: Handle,
    progress: Option<Arc<Progress>>,
    tail: Bytes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In order; empty until the footer is read.
    bounds: Vec<Bound>,
    window: u64,
    /// For each column, the place of its window.
    windows: HashMap<usize, (u64, Bytes)>,
    failed: Option<RunError>,
}

impl Chunks {
    /// Opens a file and reads its end; it must not be called where waiting is
    /// not allowed.
    pub(super) fn open(
        object: Opened,
        handle: Handle,
        progress: Option<Arc<Progress>>,
    ) -> std::result::Result<Self, RunError> {
        let size = object.version.size;
        let mut inner = Inner { object, handle, progress, tail: Bytes::new(), state: Mutex::default() };
        inner.count(inner.object.first.len());
        let start = size.saturating_sub(TAIL).max(inner.object.first.len() as u64);
        inner.tail = inner.fetch(start..size)?;
        Ok(Self(Arc::new(inner)))
    }

    /// Tells where pages of the wanted columns lie.
    pub(super) fn expect(&self, mut bounds: Vec<Bound>, columns: usize) {
        bounds.sort_by_key(|bound| bound.range.start);
        let mut state = self.state();
        state.bounds = bounds;
        state.window = (WINDOWS / columns.max(1) as u64).clamp(SMALLEST_WINDOW, LARGEST_WINDOW);
    }

    /// The error behind one that Parquet's reader has made a text of.
    pub(super) fn failure(&self) -> Option<RunError> {
        self.state().failed.clone()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At least one byte and at most a length from a place on; less only where
    /// `whole` does not ask for all.
    fn get(&self, start: u64, length: u64, whole: bool) -> Result<Bytes> {
        if whole && length > LARGEST_PAGE {
            return Err(ParquetError::General(format!(
                "a page of {length} bytes is larger than the 256 MiB that are read at once"
            )));
        }
        let inner = &self.0;
        let size = inner.object.version.size;
        let end = start.checked_add(length).filter(|end| *end <= size && start <= *end);
        let end = match end {
            Some(end) => end,
            None if !whole && start <= size => size,
            None => {
                return Err(ParquetError::EOF(format!(
                    "bytes {start} to {} of {size}",
                    start.wrapping_add(length)
                )));
            }
        };
        let tail_start = size - inner.tail.len() as u64;
        for (at, bytes) in [(0, &inner.object.first), (tail_start, &inner.tail)] {
            if let Some(found) = part(at, bytes, start, end, whole) {
                return Ok(found);
            }
        }
        self.read_along(start, end, whole).map_err(|error| {
            self.state().failed.get_or_insert_with(|| error.clone());
            ParquetError::External(Box::new(error))
        })
    }

    fn read_along(&self, start: u64, end: u64, whole: bool) -> std::result::Result<Bytes, RunError> {
        let (column, limit, window, old) = {
            let mut state = self.state();
            let after = state.bounds.partition_point(|bound| bound.range.start <= start);
            let bound = after.checked_sub(1).map(|at| state.bounds[at].clone());
            let (column, limit) = match bound.filter(|bound| start < bound.range.end) {
                Some(bound) => (bound.column, bound.range.end),
                None => (usize::MAX, end),
            };
            (column, limit.max(end), state.window, state.windows.remove(&column))
        };
        let mut kept = Bytes::new();
        if let Some((at, bytes)) = old {
            if let Some(found) = part(at, &bytes, start, end, whole) {
                self.state().windows.insert(column, (at, bytes));
                return Ok(found);
            }
            if start >= at && start - at < bytes.len() as u64 {
                kept = bytes.slice((start - at) as usize..);
            }
        }
        let from = start + kept.len() as u64;
        let fetched = self.0.fetch(from..end.max(limit.min(from + window)))?;
        let bytes = if kept.is_empty() { fetched } else { Bytes::from([kept, fetched].concat()) };
        let found = part(start, &bytes, start, end, whole)
            .ok_or_else(|| RunError::Internal("a range was read short".to_owned()))?;
        self.state().windows.insert(column, (start, bytes));
        Ok(found)
    }
}

/// The part of some bytes at a place that was asked for, if they have it.
fn part(at: u64, bytes: &Bytes, start: u64, end: u64, whole: bool) -> Option<Bytes> {
    let from = usize::try_from(start.checked_sub(at)?).ok()?;
    let to = usize::try_from(end - at).ok()?;
    if to <= bytes.len() {
        return Some(bytes.slice(from..to));
    }
    (!whole && from < bytes.len()).then(|| bytes.slice(from..))
}

impl Inner {
    fn fetch(&self, range: Range<u64>) -> std::result::Result<Bytes, RunError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let bytes = self.handle.block_on(self.object.read(range)).map_err(|error| error.of_source())?;
        self.count(bytes.len());
        Ok(bytes)
    }

    fn count(&self, bytes: usize) {
        if let Some(progress) = &self.progress {
            Progress::add(&progress.bytes_read, bytes as u64);
        }
    }
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.0.object.version.size
    }
}

impl ChunkReader for Chunks {
    type T = ChunkRead;

    fn get_read(&self, start: u64) -> Result<ChunkRead> {
        Ok(ChunkRead { chunks: self.clone(), at: start })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.get(start, length as u64, true)
    }
}

/// A reader from a place on.
pub(super) struct ChunkRead {
    chunks: Chunks,
    at: u64,
}

impl Read for ChunkRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let found = self.chunks.get(self.at, buffer.len() as u64, false).map_err(io::Error::other)?;
        buffer[..found.len()].copy_from_slice(&found);
        self.at += found.len() as u64;
        Ok(found.len())
    }
}

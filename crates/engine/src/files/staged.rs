//! A file of the staging area, whose bytes go to the disk while it grows.

use std::fs;
use std::io::{self, Write};
use std::thread::{Builder, JoinHandle};

/// Bytes after which the disk is set to work. With less there is nothing to win,
/// and what is written last is synced at the end in any case.
const STEP: u64 = 64 * 1024 * 1024;

/// A file being written. Several gigabytes that are only synced at the end would
/// keep the run waiting there.
pub(super) struct StagedFile {
    file: fs::File,
    /// Bytes since the last sync began.
    since: u64,
    syncing: Option<JoinHandle<io::Result<()>>>,
}

impl StagedFile {
    pub(super) const fn new(file: fs::File) -> Self {
        Self { file, since: 0, syncing: None }
    }

    /// The file, written but not wholly synced yet.
    ///
    /// # Errors
    /// The disk's: it tells an error to the first sync that meets it, and to no
    /// later one.
    pub(super) fn finish(mut self) -> io::Result<fs::File> {
        self.synced()?;
        Ok(self.file)
    }

    /// Waits for the sync under way, if there is one.
    fn synced(&mut self) -> io::Result<()> {
        let ended = self.syncing.take().map(JoinHandle::join);
        ended.map_or(Ok(()), |ended| ended.unwrap_or_else(|_| Err(io::Error::other("a sync ended early"))))
    }
}

impl Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.since += written as u64;
        if self.since >= STEP && self.syncing.as_ref().is_none_or(JoinHandle::is_finished) {
            self.synced()?;
            self.since = 0;
            let file = self.file.try_clone()?;
            self.syncing = Some(Builder::new().name("sync".to_owned()).spawn(move || file.sync_data())?);
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sync_meets_is_told() {
        // A pipe takes bytes and cannot be synced.
        let (mut reader, writer) = io::pipe().unwrap();
        let read = std::thread::spawn(move || io::copy(&mut reader, &mut io::sink()));
        let mut file = StagedFile::new(fs::File::from(std::os::fd::OwnedFd::from(writer)));
        let piece = vec![0; 1 << 20];
        let pieces = || (0..=STEP >> 20).map(|_| &piece);
        pieces().try_for_each(|piece| file.write_all(piece)).unwrap();
        let more = pieces().try_for_each(|piece| file.write_all(piece));
        assert!(more.and_then(|()| file.finish().map(drop)).is_err());
        assert!(read.join().unwrap().is_ok());

        let mut file = StagedFile::new(tempfile::tempfile().unwrap());
        for _ in 0..(3 * STEP) >> 20 {
            file.write_all(&piece).unwrap();
        }
        assert!(file.syncing.is_some());
        assert_eq!(file.finish().unwrap().metadata().unwrap().len(), 3 * STEP);
    }
}

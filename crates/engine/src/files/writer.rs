//! Records into files: which file each goes to, when a file ends, and how many
//! are open at once.
//!
//! With partitions there may be more files than can be open. The first ones
//! that appear stay open; the records of all others wait in a few files of the
//! staging area, parted by a hash of their group, and each of those is read
//! when the source has ended, in the same way. So every record is written
//! once, in its group's order, and memory does not grow with the partitions.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use tidegate_core::connector::Progress;
use tidegate_core::fault;
use tidegate_core::flow::FileCount;
use tidegate_core::run::CommitStep;

use super::encode::Encoder;
use super::local::failed;
use super::partition::{Group, Splitter};
use super::spill::{self, Spill, Waiting};
use super::stage::{OUTPUT, Place, Stage};
use super::upload::{Queue, Target, Uploading};
use crate::error::RunError;
use crate::tasks::Output;

/// Files that are open at once, with partitions.
const OPEN: usize = 64;
/// Files among which waiting records are parted.
const SPILLS: usize = 32;
/// Memory, in bytes, of the unwritten records of all open files.
const MEMORY: usize = 32 * 1024 * 1024;
/// Text, in bytes, that is handed on at once: of an only file, and of one of many.
const BUFFERS: (usize, usize) = (256 * 1024, 16 * 1024);
/// The most files that a run may write; each is one step of its commit list.
const MOST_FILES: u64 = 100_000;

/// Writes a run's records.
pub(super) struct Writer<'s> {
    stage: &'s Stage,
    splitter: Splitter,
    columns: Vec<Output>,
    open: HashMap<Group, Open>,
    /// The part whose files are open.
    part: u32,
    spills: Vec<Option<Spill>>,
    /// How often the records that come now have waited.
    level: u32,
    /// Files of waiting records so far, which names them.
    spilled: usize,
    /// Files so far.
    files: u64,
    /// The partitions so far, if somebody wants to know them.
    partitions: BTreeSet<String>,
    /// How much of its estimated length a file really had.
    ratio: f64,
    steps: Vec<CommitStep>,
    uploads: Queue,
}

/// A group's file, if one is open, and the number of its latest.
struct Open {
    encoder: Option<Encoder<Counted>>,
    number: u32,
}

impl<'s> Writer<'s> {
    pub(super) fn new(stage: &'s Stage) -> Self {
        let tells_parts = stage.layout.files == FileCount::PerInput;
        let splitter = Splitter::new(&stage.columns, &stage.partition, tells_parts);
        Self {
            columns: splitter.written(&stage.columns),
            splitter,
            open: HashMap::new(),
            part: 0,
            spills: (0..SPILLS).map(|_| None).collect(),
            level: 0,
            spilled: 0,
            files: 0,
            partitions: BTreeSet::new(),
            ratio: 1.0,
            steps: Vec::new(),
            uploads: Queue::new(&stage.handle, &stage.cancel),
            stage,
        }
    }

    /// Writes the records of a batch, or lets them wait.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), RunError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.splitter.is_trivial() {
            return self.put(&Group::default(), batch);
        }
        let groups = self.splitter.split(batch)?;
        let written = self.splitter.project(batch)?;
        let mut waiting: Vec<Vec<u32>> = vec![Vec::new(); SPILLS];
        for (group, rows) in groups {
            if group.part != self.part {
                // Nothing of an earlier part comes any more.
                self.close_all()?;
                self.part = group.part;
            }
            if !self.open.contains_key(&group) && self.open.len() >= OPEN {
                waiting[self.spill_of(&group)].extend(rows);
            } else if rows.len() == written.num_rows() {
                self.put(&group, &written)?;
            } else {
                self.put(&group, &take_record_batch(&written, &UInt32Array::from(rows))?)?;
            }
        }
        for (at, mut rows) in waiting.into_iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            rows.sort_unstable();
            self.let_wait(at, &take_record_batch(batch, &UInt32Array::from(rows))?)?;
        }
        self.relieve()
    }

    /// Where a group's records wait; another place each time that they do.
    fn spill_of(&self, group: &Group) -> usize {
        let mut hasher = DefaultHasher::new();
        (self.level, group).hash(&mut hasher);
        usize::try_from(hasher.finish() % SPILLS as u64).unwrap_or_default()
    }

    fn let_wait(&mut self, at: usize, batch: &RecordBatch) -> Result<(), RunError> {
        if self.spills[at].is_none() {
            self.spilled += 1;
            let folder = &self.stage.folder;
            fs::create_dir_all(folder).map_err(|error| failed("create", folder, &error).of_destination())?;
            self.spills[at] = Some(Spill::new(folder.join(format!("waiting-{}", self.spilled)), batch)?);
        }
        match &mut self.spills[at] {
            Some(spill) => spill.write(batch),
            None => Ok(()),
        }
    }

    /// Writes records of one group, into more than one file if they have a size.
    fn put(&mut self, group: &Group, batch: &RecordBatch) -> Result<(), RunError> {
        let FileCount::OfSize(size) = self.stage.layout.files else {
            self.encoder(group)?.write(batch)?;
            return Ok(());
        };
        // A batch may be larger than a file: a sixteenth of one is written at once.
        let rows = batch.num_rows();
        let bytes = spill::size(batch).max(1) as u64;
        let slice = match usize::try_from((size / 16).saturating_mul(rows as u64) / bytes) {
            Ok(0) | Err(_) => rows,
            Ok(slice) => slice.max(16),
        };
        for start in (0..rows).step_by(slice) {
            let encoder = self.encoder(group)?;
            encoder.write(&batch.slice(start, slice.min(rows - start)))?;
            if encoder.length() as f64 * self.ratio >= size as f64 {
                self.close(group)?;
            }
        }
        Ok(())
    }

    /// The open file of a group.
    fn encoder(&mut self, group: &Group) -> Result<&mut Encoder<Counted>, RunError> {
        let is_open = self.open.get(group).is_some_and(|open| open.encoder.is_some());
        if !is_open {
            let number = match self.open.get(group) {
                Some(open) => open.number + 1,
                None if self.stage.layout.files == FileCount::PerInput => group.part,
                None => 1,
            };
            let encoder = Some(self.begin(group, number)?);
            self.open.insert(group.clone(), Open { encoder, number });
        }
        let open = self.open.get_mut(group).and_then(|open| open.encoder.as_mut());
        open.ok_or_else(|| RunError::Internal("a file was closed while it was written".to_owned()))
    }

    fn begin(&mut self, group: &Group, number: u32) -> Result<Encoder<Counted>, RunError> {
        self.files += 1;
        if self.files > MOST_FILES {
            return Err(RunError::Destination(format!(
                "The run would write more than {MOST_FILES} files. Partition by fields with fewer values, or let \
                 records be aggregated"
            )));
        }
        let stage = self.stage;
        if stage.destination.is_cataloged && !group.folder.is_empty() {
            self.partitions.insert(group.folder.clone());
        }
        let key = stage.layout.key(&group.folder, number);
        if let Some(why) = super::key::unusable(&key) {
            return Err(RunError::Destination(format!("The output's key {key:?} cannot be used: {why}")));
        }
        let sink = match &stage.place {
            Place::S3(_) if stage.partition.is_empty() => {
                let target = self.target(key).ok_or_else(|| RunError::Internal("no endpoint".to_owned()))?;
                Sink::S3(Box::new(Uploading::begin(target, &stage.handle, &stage.cancel)?))
            }
            _ => {
                let path = self.path(group, number);
                let folder = path.parent().unwrap_or(&stage.folder);
                fs::create_dir_all(folder)
                    .map_err(|error| failed("create", folder, &error).of_destination())?;
                let file = fs::File::create(&path)
                    .map_err(|error| failed("create", &path, &error).of_destination())?;
                fault::point("file.begun");
                Sink::Local(file)
            }
        };
        let counted = Counted { sink, length: 0, progress: stage.progress.clone() };
        let buffer = if stage.partition.is_empty() { BUFFERS.0 } else { BUFFERS.1 };
        Encoder::new(&stage.destination, &self.columns, counted, buffer)
    }

    /// Where a file lies in the staging area.
    fn path(&self, group: &Group, number: u32) -> PathBuf {
        let folder = self.stage.folder.join(OUTPUT).join(&group.folder);
        folder.join(self.stage.layout.file(number))
    }

    fn target(&self, key: String) -> Option<Target> {
        let Place::S3(store) = &self.stage.place else { return None };
        let (store, bucket) = (store.clone(), self.stage.destination.bucket.clone());
        Some(Target { store, bucket, key, folder: self.stage.folder.clone() })
    }

    /// Ends a group's file, if one is open.
    fn close(&mut self, group: &Group) -> Result<(), RunError> {
        let Some(Open { encoder, number }) = self.open.get_mut(group) else { return Ok(()) };
        let (Some(encoder), number) = (encoder.take(), *number) else { return Ok(()) };
        let estimate = encoder.length();
        let counted = encoder.finish()?;
        if estimate > 0 && counted.length > 0 {
            self.ratio = (counted.length as f64 / estimate as f64).clamp(0.05, 1.0);
        }
        Progress::add(&self.stage.progress.files_written, 1);
        let key = self.stage.layout.key(&group.folder, number);
        match counted.sink {
            Sink::S3(upload) => self.steps.push(upload.finish()?),
            Sink::Local(file) => {
                drop(file);
                let path = self.path(group, number);
                match self.target(key.clone()) {
                    Some(target) => self.uploads.push(target, path)?,
                    None => self.steps.push(self.rename(group, number, key)),
                }
            }
        }
        Ok(())
    }

    fn rename(&self, group: &Group, number: u32, key: String) -> CommitStep {
        let file = self.stage.layout.file(number);
        let from = [self.stage.name.as_str(), OUTPUT, &group.folder, &file];
        CommitStep::Rename {
            bucket: self.stage.destination.bucket.clone(),
            from: super::key::join(from),
            to: key,
        }
    }

    fn close_all(&mut self) -> Result<(), RunError> {
        let mut groups: Vec<Group> = self.open.keys().cloned().collect();
        groups.sort_unstable();
        for group in groups {
            self.close(&group)?;
        }
        self.open.clear();
        Ok(())
    }

    /// Writes out the largest files' waiting records if all take too much
    /// memory together.
    fn relieve(&mut self) -> Result<(), RunError> {
        let mut encoders: Vec<_> = self.open.values_mut().filter_map(|open| open.encoder.as_mut()).collect();
        let mut memory: usize = encoders.iter().map(|encoder| encoder.memory()).sum();
        if memory <= MEMORY {
            return Ok(());
        }
        encoders.sort_by_key(|encoder| encoder.memory());
        while memory > MEMORY / 2 {
            let Some(encoder) = encoders.pop() else { break };
            memory -= encoder.memory();
            encoder.relieve()?;
        }
        Ok(())
    }

    /// Writes what waits, and ends all files; gives what makes them visible,
    /// and the partitions if they are wanted.
    pub(super) fn finish(mut self) -> Result<(Vec<CommitStep>, BTreeSet<String>), RunError> {
        self.close_all()?;
        let mut waiting = self.waiting(1)?;
        while let Some((level, records)) = waiting.pop() {
            (self.level, self.part) = (level, 0);
            for batch in records.open()? {
                if self.stage.cancel.is_cancelled() {
                    return Err(RunError::Cancelled);
                }
                self.write(&batch?)?;
            }
            self.close_all()?;
            waiting.extend(self.waiting(level + 1)?);
        }
        let mut steps = self.steps;
        steps.extend(self.uploads.finish()?);
        Ok((steps, self.partitions))
    }

    fn waiting(&mut self, level: u32) -> Result<Vec<(u32, Waiting)>, RunError> {
        let spills = self.spills.iter_mut().filter_map(Option::take);
        spills.map(|spill| Ok((level, spill.into_waiting()?))).collect()
    }
}

/// Counts what is handed to the destination.
pub(super) struct Counted {
    sink: Sink,
    length: u64,
    progress: Arc<Progress>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.sink.write(bytes)?;
        self.length += length as u64;
        Progress::add(&self.progress.bytes_written, length as u64);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a file's bytes go.
pub(super) enum Sink {
    Local(fs::File),
    S3(Box<Uploading>),
}

impl Sink {
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Local(file) => file.write(bytes),
            Self::S3(upload) => upload.write(bytes).map(|()| bytes.len()).map_err(io::Error::other),
        }
    }
}

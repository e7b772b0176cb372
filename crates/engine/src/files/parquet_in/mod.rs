//! Parquet files as one stream of record batches.
//!
//! The footers of all files are read first: they say which columns there are,
//! and of which types. Then a thread of its own reads the files, one after the
//! other, page by page, and of the columns that are wanted only.

mod chunks;
mod nested;
mod types;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use futures::StreamExt as _;
use tidegate_core::connector::Progress;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::chunks::{Bound, Chunks};
use self::types::Column;
use super::ahead::{self, InTurn, Turn};
use super::buckets::Buckets;
use super::opened::{Opened, Version};
use super::source::{BATCH_BYTES, BATCH_ROWS, Records, is_parquet, no_such_field, pin, torn};
use crate::error::RunError;
use crate::table::WAITING;
use crate::tasks::Typing;

/// Footers that are read at once.
const FOOTERS: usize = 4;

/// What is wanted of the files.
pub(super) struct Asked {
    pub names: Option<Vec<String>>,
    pub skip_missing: bool,
}

/// Opens the files of a source; `None` when there are none but descriptions of
/// others.
pub(super) async fn open(
    buckets: &Arc<Buckets>,
    bucket: &str,
    mut turns: Vec<Turn>,
    asked: Asked,
    progress: Arc<Progress>,
) -> Result<Option<Records>, RunError> {
    turns.retain(|turn| !describes_others(&turn.key));
    if turns.is_empty() {
        return Ok(None);
    }
    let (known, versions) = all_columns(ahead::open(buckets, bucket, turns.clone())).await?;
    pin(&mut turns, versions);
    let wanted = wanted(known, asked)?;
    let schema: SchemaRef = Arc::new(Schema::new(wanted.iter().map(Column::field).collect::<Vec<_>>()));
    let (to_run, batches) = mpsc::channel(WAITING);
    let files = Files { handle: Handle::current(), wanted, schema: schema.clone(), progress, to_run };
    let files_in_turn = ahead::open(buckets, bucket, turns);
    let thread = tokio::task::spawn_blocking(move || files.read(files_in_turn));
    let state: (_, Option<JoinHandle<_>>) = (batches, Some(thread));
    let parts = futures::stream::try_unfold(state, |(mut batches, mut thread)| async move {
        if let Some(part) = batches.recv().await {
            return Ok(Some((part, (batches, thread))));
        }
        // The thread has ended; it has the reason.
        if let Some(thread) = thread.take() {
            thread.await.map_err(|error| fell(&error))??;
        }
        Ok(None)
    });
    Ok(Some(Records { schema, parts: parts.boxed(), typing: Typing::Typed }))
}

/// Files with which others describe a folder of Parquet files.
fn describes_others(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or(key);
    matches!(name, "_metadata" | "_common_metadata")
}

/// The error of a thread that the decoder has brought down.
fn fell(error: &tokio::task::JoinError) -> RunError {
    torn("of the source", &format!("its Parquet data is damaged ({error})"))
}

/// The columns of all files, in the order in which they appear, and the
/// versions in which the files were seen.
async fn all_columns(files: InTurn) -> Result<(Vec<Column>, Vec<Version>), RunError> {
    let handle = Handle::current();
    let footer = |opened: Result<Opened, RunError>| {
        let handle = handle.clone();
        async move {
            let opened = opened?;
            if !is_parquet(&opened).await? {
                let text = "it is no Parquet file, and the first file of the source is one; keep them in folders of their own";
                return Err(torn(&opened.key, text));
            }
            let (key, version) = (opened.key.clone(), opened.version.clone());
            let look =
                tokio::task::spawn_blocking(move || Open::new(opened, handle, None).map(|open| open.columns));
            let columns = look.await.map_err(|_| torn(&key, "its Parquet footer is damaged"))??;
            Ok((columns, version))
        }
    };
    let mut footers = files.map(footer).buffered(FOOTERS);
    let (mut known, mut versions) = (Vec::<Column>::new(), Vec::new());
    let mut places = HashMap::<String, usize>::new();
    while let Some(footer) = footers.next().await {
        let (columns, version) = footer?;
        versions.push(version);
        for column in columns {
            match places.get(&column.name) {
                Some(&at) => known[at].join(&column),
                None => {
                    places.insert(column.name.clone(), known.len());
                    known.push(column);
                }
            }
        }
    }
    Ok((known, versions))
}

/// The columns that are wanted of those that are there.
fn wanted(known: Vec<Column>, asked: Asked) -> Result<Vec<Column>, RunError> {
    let columns = match asked.names {
        None => known,
        Some(names) => {
            let mut known: HashMap<String, Column> =
                known.into_iter().map(|column| (column.name.clone(), column)).collect();
            let find = |name: String| match known.remove(&name) {
                Some(column) => Ok(column),
                None if asked.skip_missing => Ok(Column::empty(&name)),
                None => Err(no_such_field(&name)),
            };
            names.into_iter().map(find).collect::<Result<_, _>>()?
        }
    };
    match columns.iter().find_map(Column::unreadable) {
        Some(why) => Err(RunError::Task(format!("The source cannot be read: {why}"))),
        None => Ok(columns),
    }
}

/// A file whose footer is read.
struct Open {
    key: String,
    chunks: Chunks,
    metadata: ArrowReaderMetadata,
    columns: Vec<Column>,
}

impl Open {
    fn new(opened: Opened, handle: Handle, progress: Option<Arc<Progress>>) -> Result<Self, RunError> {
        let key = opened.key.clone();
        let chunks = Chunks::open(opened, handle, progress)?;
        let failed = |error: ParquetError| chunks.failure().unwrap_or_else(|| torn(&key, &error.to_string()));
        let footer = ParquetMetaDataReader::new().parse_and_finish(&chunks).map_err(failed)?;
        let (metadata, columns) = describe(Arc::new(footer)).map_err(failed)?;
        let mut names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(torn(&key, &format!("it has two columns of the name {}", pair[0])));
        }
        Ok(Self { key, chunks, metadata, columns })
    }
}

/// What a footer says, in the engine's terms. What other programs have noted
/// about types of their own is left aside: Parquet's types are the same for all.
fn describe(footer: Arc<ParquetMetaData>) -> Result<(ArrowReaderMetadata, Vec<Column>), ParquetError> {
    let bare = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain = ArrowReaderMetadata::try_new(footer.clone(), bare())?;
    let roots = footer.file_metadata().schema_descr().root_schema().get_fields().to_vec();
    let (mut fields, mut columns) = (Vec::new(), Vec::new());
    for (field, root) in plain.schema().fields().iter().zip(&roots) {
        let opened_as = types::opened_as(field.data_type(), root);
        fields.push(field.as_ref().clone().with_data_type(opened_as));
        columns.push(Column::of(field, root));
    }
    let schema = Schema::new_with_metadata(fields, plain.schema().metadata().clone());
    let metadata = ArrowReaderMetadata::try_new(footer, bare().with_schema(Arc::new(schema)))?;
    Ok((metadata, columns))
}

/// The thread that reads.
struct Files {
    handle: Handle,
    wanted: Vec<Column>,
    schema: SchemaRef,
    progress: Arc<Progress>,
    to_run: mpsc::Sender<(u32, RecordBatch)>,
}

impl Files {
    fn read(self, mut files: InTurn) -> Result<(), RunError> {
        let mut number = 0_u32;
        while let Some(opened) = self.handle.block_on(files.next()) {
            let file = Open::new(opened?, self.handle.clone(), Some(self.progress.clone()))?;
            number = number.saturating_add(1);
            if !self.read_one(file, number)? {
                return Ok(());
            }
            Progress::add(&self.progress.files_read, 1);
        }
        Ok(())
    }

    /// Reads a file; `false` when nobody wants to have more.
    fn read_one(&self, file: Open, number: u32) -> Result<bool, RunError> {
        let Open { key, chunks, metadata, columns } = file;
        let failed = |error: &dyn std::fmt::Display| {
            chunks.failure().unwrap_or_else(|| torn(&key, &error.to_string()))
        };
        let places: HashMap<&str, usize> =
            columns.iter().enumerate().map(|(at, column)| (column.name.as_str(), at)).collect();
        // For each wanted column, its place in the file and in what is read of it.
        let mut roots: Vec<usize> =
            self.wanted.iter().filter_map(|column| places.get(column.name.as_str()).copied()).collect();
        roots.sort_unstable();
        let place = |column: &Column| {
            let root = places.get(column.name.as_str())?;
            Some((*root, roots.binary_search(root).ok()?))
        };
        let rows = expect(&chunks, metadata.metadata(), &roots);
        let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks.clone(), metadata)
            .with_projection(mask)
            .with_batch_size(rows)
            .build()
            .map_err(|error| failed(&error))?;
        for batch in reader {
            let batch = batch.map_err(|error| failed(&error))?;
            for (start, length) in cuts(&batch) {
                let part = batch.slice(start, length);
                let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.wanted.len());
                for column in &self.wanted {
                    arrays.push(match place(column) {
                        None => types::absent(column, length),
                        Some((root, at)) => types::converted(part.column(at), &columns[root], column)
                            .map_err(|error| torn(&key, &format!("column {}: {error}", column.name)))?,
                    });
                }
                let options = RecordBatchOptions::new().with_row_count(Some(length));
                let part = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?;
                Progress::add(&self.progress.records_read, length as u64);
                if self.to_run.blocking_send((number, part)).is_err() {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

/// Tells the file where the wanted columns lie; gives the rows of which a batch
/// is made, so that it has the size of others.
fn expect(chunks: &Chunks, footer: &ParquetMetaData, roots: &[usize]) -> usize {
    let (mut bounds, mut widest, mut wanted_columns) = (Vec::new(), 1, 0);
    for group in footer.row_groups() {
        let (mut bytes, mut columns) = (0, 0);
        for (column, chunk) in group.columns().iter().enumerate() {
            let root = footer.file_metadata().schema_descr().get_column_root_idx(column);
            if roots.binary_search(&root).is_err() {
                continue;
            }
            let (start, length) = chunk.byte_range();
            bounds.push(Bound { range: start..start.saturating_add(length), column });
            bytes += u64::try_from(chunk.uncompressed_size()).unwrap_or_default();
            columns += 1;
        }
        let rows = u64::try_from(group.num_rows()).unwrap_or_default().max(1);
        widest = widest.max(bytes / rows);
        wanted_columns = wanted_columns.max(columns);
    }
    chunks.expect(bounds, wanted_columns);
    usize::try_from(BATCH_BYTES as u64 / widest).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS)
}

/// Cuts a batch where its texts, once each row has its own, have grown enough.
fn cuts(batch: &RecordBatch) -> Vec<(usize, usize)> {
    let mut lengths = vec![0_usize; batch.num_rows()];
    for column in batch.columns() {
        let views = match column.data_type() {
            DataType::Utf8View => column.as_string_view().views(),
            DataType::BinaryView => column.as_binary_view().views(),
            _ => continue,
        };
        for (row, view) in views.iter().enumerate() {
            if column.is_valid(row) {
                // The lower half of a view begins with the text's length.
                lengths[row] += *view as u32 as usize;
            }
        }
    }
    let (mut cuts, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (row, length) in lengths.into_iter().enumerate() {
        if bytes > 0 && bytes + length > BATCH_BYTES {
            cuts.push((start, row - start));
            (start, bytes) = (row, 0);
        }
        bytes += length;
    }
    if batch.num_rows() > start {
        cuts.push((start, batch.num_rows() - start));
    }
    cuts
}

//! Files below a prefix as one stream of record batches.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt as _;
use tidegate_core::connector::{EXTENSION_NAME, JSON_EXTENSION, Progress};
use tidegate_core::flow::{InputFormat, S3Source};
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::buckets::{Buckets, Object, ObjectBytes};
use super::csv_in::CsvFile;
use super::json_in::{JsonFile, Keys};
use crate::error::RunError;
use crate::table::Parts;

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch after which it is passed on with fewer rows.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The longest field or line; a forgotten quote shall not read a whole file
/// into memory.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;

/// The one column of lines that are handed on untouched.
pub(crate) const LINE: &str = "data";

/// What is wanted of the files of a source.
pub(crate) enum Wanted {
    /// These fields; `None` for all that any of the files has.
    Fields {
        names: Option<Vec<String>>,
        /// A field that no file has is null everywhere, and no error.
        skip_missing: bool,
    },
    /// Each line of JSON Lines as it is, in the column [`LINE`].
    Lines,
}

/// Opens the files of a source; `None` when there are none. No batch spans two
/// of them.
pub(crate) async fn open(
    buckets: Arc<Buckets>,
    source: &S3Source,
    wanted: Wanted,
    progress: Arc<Progress>,
) -> Result<Option<(SchemaRef, Parts)>, RunError> {
    if matches!(wanted, Wanted::Lines) && source.format != InputFormat::Json {
        return Err(RunError::Task(
            "A Passthrough task needs a source of JSON Lines; set s3InputFileType to JSON".to_owned(),
        ));
    }
    let mut objects =
        buckets.list(&source.bucket, &source.prefix).await.map_err(|error| error.of_source())?;
    if let Some(window) = source.changed {
        objects.retain(|object| window.contains(object.changed_ms));
    }
    if objects.is_empty() {
        return Ok(None);
    }
    let columns = match &wanted {
        Wanted::Lines => Columns::new(&[LINE.to_owned()], InputFormat::Csv),
        Wanted::Fields { names: Some(names), .. } => Columns::new(names, source.format),
        Wanted::Fields { names: None, .. } => {
            Columns::new(&all_fields(&buckets, source, &objects).await?, source.format)
        }
    };
    let schema = columns.schema.clone();
    let reader = Reader {
        buckets,
        bucket: source.bucket.clone(),
        format: source.format,
        rest: objects.into(),
        number: 0,
        current: None,
        columns,
        lines: matches!(wanted, Wanted::Lines),
        skip_missing: matches!(wanted, Wanted::Fields { skip_missing: true, .. }),
        progress,
    };
    let batches = futures::stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.next_batch().await?.map(|batch| ((reader.number, batch), reader)))
    });
    Ok(Some((schema, batches.boxed())))
}

/// Every field that any of the files has, in the order in which they appear.
async fn all_fields(
    buckets: &Buckets,
    source: &S3Source,
    objects: &[Object],
) -> Result<Vec<String>, RunError> {
    let mut keys = Keys::default();
    for object in objects {
        let mut bytes = buckets.read(&source.bucket, &object.key).await.map_err(|error| error.of_source())?;
        let mut csv = CsvFile::new();
        let mut nothing = Columns::new(&[], InputFormat::Csv);
        let torn = |text: String| torn(&object.key, &text);
        let mut lines = keys.file();
        let mut is_first = true;
        while let Some(piece) = bytes.next().await {
            let piece = piece.map_err(|error| error.of_source())?;
            if std::mem::take(&mut is_first) {
                refuse_compressed(&piece).map_err(torn)?;
            }
            match source.format {
                InputFormat::Csv => {
                    csv.feed(&piece, &mut nothing).map_err(torn)?;
                    nothing.forget();
                    if csv.header().is_some() {
                        break;
                    }
                }
                InputFormat::Json => lines.feed(&piece).map_err(torn)?,
            }
        }
        match source.format {
            InputFormat::Csv => {
                if csv.header().is_none() {
                    csv.finish(&mut nothing).map_err(torn)?;
                }
                csv.header().unwrap_or_default().iter().for_each(|name| keys.add(name));
            }
            InputFormat::Json => lines.finish().map_err(torn)?,
        }
    }
    Ok(keys.into_names())
}

/// An error in a file's content.
fn torn(key: &str, text: &str) -> RunError {
    RunError::Connector(ConnectorError::new(
        ConnectorErrorKind::BadAnswer,
        format!("The file {key} cannot be read: {text}"),
    ))
}

/// Refuses a file whose first bytes are those of a compressed one.
fn refuse_compressed(start: &[u8]) -> Result<(), String> {
    let kinds: [(&[u8], &str); 3] =
        [(b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "Zstandard"), (b"PK\x03\x04", "ZIP")];
    match kinds.iter().find(|(magic, _)| start.starts_with(magic)) {
        None => Ok(()),
        Some((_, kind)) => Err(format!(
            "it looks like a {kind} file, and compressed files are not read yet; store it uncompressed"
        )),
    }
}

/// The columns of a batch in the making.
pub(super) struct Columns {
    pub schema: SchemaRef,
    pub builders: Vec<StringBuilder>,
    /// Which columns any file has had so far.
    pub seen: Vec<bool>,
    pub rows: usize,
    pub bytes: usize,
}

impl Columns {
    pub(super) fn new(names: &[String], format: InputFormat) -> Self {
        let field = |name: &String| {
            let field = Field::new(name, DataType::Utf8, true);
            match format {
                InputFormat::Csv => field,
                InputFormat::Json => {
                    field.with_metadata([(EXTENSION_NAME.to_owned(), JSON_EXTENSION.to_owned())].into())
                }
            }
        };
        let fields: Vec<Field> = names.iter().map(field).collect();
        Self {
            builders: fields.iter().map(|_| StringBuilder::new()).collect(),
            seen: vec![false; fields.len()],
            schema: Arc::new(Schema::new(fields)),
            rows: 0,
            bytes: 0,
        }
    }

    /// Whether the batch should be passed on.
    pub(super) const fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Result<Option<RecordBatch>, RunError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let arrays = self.builders.iter_mut().map(|builder| Arc::new(builder.finish()) as ArrayRef).collect();
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.forget();
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?))
    }

    const fn forget(&mut self) {
        self.rows = 0;
        self.bytes = 0;
    }
}

enum File {
    Csv(CsvFile),
    Json(JsonFile),
}

struct Current {
    key: String,
    bytes: ObjectBytes,
    piece: Bytes,
    file: File,
    /// Nothing of it has been read yet.
    is_new: bool,
}

struct Reader {
    buckets: Arc<Buckets>,
    bucket: String,
    format: InputFormat,
    rest: VecDeque<Object>,
    /// The number of the file that is being read, from 1.
    number: u32,
    current: Option<Current>,
    columns: Columns,
    lines: bool,
    skip_missing: bool,
    progress: Arc<Progress>,
}

impl Reader {
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>, RunError> {
        loop {
            if self.columns.is_full() {
                break;
            }
            let Some(current) = &mut self.current else {
                let Some(object) = self.rest.pop_front() else {
                    self.check_fields()?;
                    break;
                };
                let bytes =
                    self.buckets.read(&self.bucket, &object.key).await.map_err(|error| error.of_source())?;
                let file = match self.format {
                    InputFormat::Csv => File::Csv(CsvFile::new()),
                    InputFormat::Json if self.lines => File::Json(JsonFile::of_lines()),
                    InputFormat::Json => File::Json(JsonFile::new(&self.columns)),
                };
                self.number = self.number.saturating_add(1);
                self.current =
                    Some(Current { key: object.key, bytes, piece: Bytes::new(), file, is_new: true });
                continue;
            };
            if current.piece.is_empty() {
                if let Some(piece) = current.bytes.next().await {
                    current.piece = piece.map_err(|error| error.of_source())?;
                    if std::mem::take(&mut current.is_new) {
                        refuse_compressed(&current.piece).map_err(|text| torn(&current.key, &text))?;
                    }
                    Progress::add(&self.progress.bytes_read, current.piece.len() as u64);
                } else {
                    match &mut current.file {
                        File::Csv(file) => file.finish(&mut self.columns),
                        File::Json(file) => file.finish(&mut self.columns),
                    }
                    .map_err(|text| torn(&current.key, &text))?;
                    self.current = None;
                    if self.columns.rows > 0 {
                        break;
                    }
                }
                continue;
            }
            let used = match &mut current.file {
                File::Csv(file) => file.feed(&current.piece, &mut self.columns),
                File::Json(file) => file.feed(&current.piece, &mut self.columns),
            }
            .map_err(|text| torn(&current.key, &text))?;
            current.piece.advance(used);
        }
        Progress::add(&self.progress.records_read, self.columns.rows as u64);
        self.columns.take()
    }

    /// A CSV field that no file has is a mistake in a task; in JSON it may
    /// simply be absent everywhere.
    fn check_fields(&self) -> Result<(), RunError> {
        if self.skip_missing || self.format == InputFormat::Json {
            return Ok(());
        }
        match self.columns.seen.iter().position(|seen| !seen) {
            None => Ok(()),
            Some(at) => Err(RunError::Task(format!(
                "The tasks name the field {}, which none of the files has",
                self.columns.schema.field(at).name()
            ))),
        }
    }
}

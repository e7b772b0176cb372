//! CSV and JSON Lines files as one stream of record batches.

use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tidegate_core::connector::{EXTENSION_NAME, JSON_EXTENSION, Progress};
use tidegate_core::flow::InputFormat;

use super::ahead::InTurn;
use super::csv_in::CsvFile;
use super::gz::{self, Inflater};
use super::json_in::{JsonFile, Keys};
use super::opened::{Opened, Version};
use super::source::{self, BATCH_BYTES, BATCH_ROWS, no_such_field, torn};
use super::text_column::TextColumn;
use crate::error::RunError;
use crate::table::{Parts, ahead};

/// The bytes of a text file, out of whatever it came in.
type TextBytes = BoxStream<'static, Result<Bytes, RunError>>;

/// Every field that any of the files has, in the order in which they appear,
/// and the versions in which the files were seen.
pub(super) async fn all_fields(
    mut files: InTurn,
    format: InputFormat,
) -> Result<(Vec<String>, Vec<Version>), RunError> {
    let (mut keys, mut versions) = (Keys::default(), Vec::new());
    while let Some(opened) = files.next().await {
        let opened = opened?;
        let key = opened.key.clone();
        versions.push(opened.version.clone());
        let mut bytes = text(opened, None).await?;
        let mut csv = CsvFile::of_header();
        let mut nothing = Columns::new(&[], InputFormat::Csv);
        let torn = |text: String| torn(&key, &text);
        let mut lines = keys.file();
        while let Some(piece) = bytes.next().await {
            match format {
                InputFormat::Csv => {
                    csv.feed(&piece?, &mut nothing).map_err(torn)?;
                    if csv.header().is_some() {
                        break;
                    }
                }
                InputFormat::Json => lines.feed(&piece?).map_err(torn)?,
            }
        }
        match format {
            InputFormat::Csv => {
                if csv.header().is_none() {
                    csv.finish(&mut nothing).map_err(torn)?;
                }
                csv.header().unwrap_or_default().iter().for_each(|name| keys.add(name));
            }
            InputFormat::Json => lines.finish().map_err(torn)?,
        }
    }
    Ok((keys.into_names(), versions))
}

/// The text of a file. The content decides what it came in: a header or a
/// parameter of an upload says what somebody meant to store.
async fn text(opened: Opened, progress: Option<Arc<Progress>>) -> Result<TextBytes, RunError> {
    let key = opened.key.clone();
    let is_gzip = opened.first.starts_with(&gz::MAGIC);
    if !is_gzip {
        if key.to_ascii_lowercase().ends_with(".gz") {
            return Err(torn(&key, "its name ends in .gz, and it is no gzip file"));
        }
        let encoding = opened.encoding.as_deref().unwrap_or_default();
        if ["br", "zstd", "deflate", "compress"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
            let text = format!("its Content-Encoding is {encoding}; gzip and no compression are read");
            return Err(torn(&key, &text));
        }
        source::refuse(&opened.first).map_err(|text| torn(&key, &text))?;
        if source::is_parquet(&opened).await? {
            let text = "it is a Parquet file, and the first file of the source is none; keep them in folders of their own";
            return Err(torn(&key, text));
        }
    }
    let pieces = ahead(opened.into_bytes().map(|piece| piece.map_err(|error| error.of_source())).boxed());
    let bytes = pieces.map(move |piece| {
        let piece = piece?;
        if let Some(progress) = &progress {
            Progress::add(&progress.bytes_read, piece.len() as u64);
        }
        Ok(piece)
    });
    Ok(if is_gzip { inflated(bytes.boxed(), key) } else { bytes.boxed() })
}

fn inflated(bytes: TextBytes, key: String) -> TextBytes {
    let state = (bytes, Inflater::new(), Bytes::new(), true);
    let plain = futures::stream::try_unfold(
        (state, key),
        |((mut bytes, mut inflater, mut piece, mut is_first), key)| async move {
            let failed = |text: String| torn(&key, &text);
            loop {
                if let Some(plain) = inflater.inflate(&mut piece).map_err(failed)? {
                    if std::mem::take(&mut is_first) {
                        refuse_inner(&plain).map_err(failed)?;
                    }
                    return Ok(Some((plain, ((bytes, inflater, piece, is_first), key))));
                }
                match bytes.next().await {
                    Some(next) => piece = next?,
                    None => {
                        inflater.finish().map_err(failed)?;
                        return Ok(None);
                    }
                }
            }
        },
    );
    plain.boxed()
}

/// Refuses what would be read as text, and is none, inside a gzip file.
fn refuse_inner(start: &[u8]) -> Result<(), String> {
    if start.starts_with(&gz::MAGIC) {
        return Err("it is compressed twice".to_owned());
    }
    if start.starts_with(&source::PARQUET) {
        return Err("it is a Parquet file in a gzip file; store the Parquet file itself".to_owned());
    }
    source::refuse(start)
}

/// The columns of a batch in the making.
pub(super) struct Columns {
    pub schema: SchemaRef,
    pub builders: Vec<TextColumn>,
    /// Which columns any file has had so far.
    pub seen: Vec<bool>,
    pub rows: usize,
    pub bytes: usize,
    /// The line on which each record begins, where files have lines worth telling.
    pub lines: Vec<u64>,
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
            builders: fields.iter().map(|_| TextColumn::new()).collect(),
            seen: vec![false; fields.len()],
            schema: Arc::new(Schema::new(fields)),
            rows: 0,
            bytes: 0,
            lines: Vec::new(),
        }
    }

    /// Whether the batch should be passed on.
    pub(super) const fn is_full(&self) -> bool {
        self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES
    }

    /// The batch so far; the columns begin anew.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>, String> {
        if self.rows == 0 {
            return Ok(None);
        }
        let mut arrays = Vec::with_capacity(self.builders.len());
        for builder in &mut self.builders {
            let texts = builder.finish().map_err(|row| match self.lines.get(row) {
                Some(line) => format!("line {line}: the text is not UTF-8"),
                None => "a text is not UTF-8".to_owned(),
            })?;
            arrays.push(Arc::new(texts) as ArrayRef);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        self.lines.clear();
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map(Some)
            .map_err(|error| error.to_string())
    }
}

enum File {
    Csv(CsvFile),
    Json(JsonFile),
}

struct Current {
    bytes: TextBytes,
    piece: Bytes,
    file: File,
}

/// Text files on their way into batches.
pub(super) struct Reader {
    pub format: InputFormat,
    pub files: InTurn,
    pub columns: Columns,
    /// The file that the batch is of.
    pub key: String,
    /// Lines are handed on as they are.
    pub lines: bool,
    pub skip_missing: bool,
    pub progress: Arc<Progress>,
}

impl Reader {
    /// The batches of all files, each with its file's number.
    pub(super) fn parts(self) -> Parts {
        let state = (self, None, 0);
        let parts = futures::stream::try_unfold(state, |(mut reader, mut current, mut number)| async move {
            let batch = reader.next_batch(&mut current, &mut number).await?;
            Ok(batch.map(|batch| ((number, batch), (reader, current, number))))
        });
        ahead(parts.boxed())
    }

    async fn next_batch(
        &mut self,
        at: &mut Option<Current>,
        number: &mut u32,
    ) -> Result<Option<RecordBatch>, RunError> {
        loop {
            if self.columns.is_full() {
                break;
            }
            let Some(current) = at else {
                let Some(opened) = self.files.next().await else {
                    self.check_fields()?;
                    break;
                };
                let opened = opened?;
                self.key.clone_from(&opened.key);
                let bytes = text(opened, Some(self.progress.clone())).await?;
                let file = match self.format {
                    InputFormat::Csv => File::Csv(CsvFile::new()),
                    InputFormat::Json if self.lines => File::Json(JsonFile::of_lines()),
                    InputFormat::Json => File::Json(JsonFile::new(&self.columns)),
                };
                *number = number.saturating_add(1);
                *at = Some(Current { bytes, piece: Bytes::new(), file });
                continue;
            };
            if current.piece.is_empty() {
                if let Some(piece) = current.bytes.next().await {
                    current.piece = piece?;
                } else {
                    match &mut current.file {
                        File::Csv(file) => file.finish(&mut self.columns),
                        File::Json(file) => file.finish(&mut self.columns),
                    }
                    .map_err(|text| torn(&self.key, &text))?;
                    Progress::add(&self.progress.files_read, 1);
                    *at = None;
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
            .map_err(|text| torn(&self.key, &text))?;
            current.piece.advance(used);
        }
        Progress::add(&self.progress.records_read, self.columns.rows as u64);
        let batch = self.columns.take().map_err(|text| torn(&self.key, &text))?;
        if batch.is_none() && at.is_some() {
            // No batch means the end of the source: it must be none in the middle of a file.
            return Err(RunError::Internal("a file was left before its end".to_owned()));
        }
        Ok(batch)
    }

    /// A CSV field that no file has is a mistake in a task; in JSON it may
    /// simply be absent everywhere.
    fn check_fields(&self) -> Result<(), RunError> {
        if self.skip_missing || self.format == InputFormat::Json {
            return Ok(());
        }
        match self.columns.seen.iter().position(|seen| !seen) {
            None => Ok(()),
            Some(at) => Err(no_such_field(self.columns.schema.field(at).name())),
        }
    }
}

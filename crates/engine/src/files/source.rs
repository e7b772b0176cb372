//! Files below a prefix as one stream of record batches.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt as _;
use tidegate_core::connector::Progress;
use tidegate_core::flow::{InputFormat, S3Source};
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::ahead::{self, Turn};
use super::buckets::Buckets;
use super::opened::{Opened, Version};
use super::parquet_in;
use super::text_in::{self, Columns, Reader};
use crate::error::RunError;
use crate::table::Parts;
use crate::tasks::Typing;

/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 8_192;
/// Bytes of a batch after which it is passed on with fewer rows.
pub(super) const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// The longest field or line; a forgotten quote shall not read a whole file
/// into memory.
pub(super) const LONGEST: usize = 16 * 1024 * 1024;
/// With which a Parquet file begins and ends.
pub(super) const PARQUET: [u8; 4] = *b"PAR1";

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

/// The records of a source's files.
pub(crate) struct Records {
    pub schema: SchemaRef,
    pub parts: Parts,
    pub typing: Typing,
}

/// Opens the files of a source; `None` when there are none. No batch spans two
/// of them.
///
/// The schema is that of all files together, whichever comes first. A file that
/// was replaced since the run saw it first ends the run: since it was listed, if
/// the run is about a window of time (its new content belongs to a later one),
/// and else since it was opened.
pub(crate) async fn open(
    buckets: Arc<Buckets>,
    source: &S3Source,
    wanted: Wanted,
    progress: Arc<Progress>,
) -> Result<Option<Records>, RunError> {
    const NO_LINES: &str = "A Passthrough task needs a source of JSON Lines";
    if matches!(wanted, Wanted::Lines) && source.format != InputFormat::Json {
        return Err(RunError::Task(format!("{NO_LINES}; set s3InputFileType to JSON")));
    }
    let mut objects =
        buckets.list(&source.bucket, &source.prefix).await.map_err(|error| error.of_source())?;
    if let Some(window) = source.changed {
        objects.retain(|object| window.contains(object.changed_ms));
    }
    let is_window = source.changed.is_some();
    let turn = |object| Turn { pinned: is_window.then(|| Version::of(&object)), key: object.key };
    let mut turns: Vec<Turn> = objects.into_iter().map(turn).collect();
    let Some(first) = turns.first().cloned() else { return Ok(None) };
    let first = ahead::open(&buckets, &source.bucket, vec![first]).next().await;
    let is_parquet = match first.transpose()? {
        Some(first) => is_parquet(&first).await?,
        None => false,
    };
    if is_parquet {
        let Wanted::Fields { names, skip_missing } = wanted else {
            return Err(RunError::Task(format!("{NO_LINES}, and its files are Parquet")));
        };
        let asked = parquet_in::Asked { names, skip_missing };
        return parquet_in::open(&buckets, &source.bucket, turns, asked, progress).await;
    }
    let columns = match &wanted {
        Wanted::Lines => Columns::new(&[LINE.to_owned()], InputFormat::Csv),
        Wanted::Fields { names: Some(names), .. } => Columns::new(names, source.format),
        Wanted::Fields { names: None, .. } => {
            let files = ahead::open(&buckets, &source.bucket, turns.clone());
            let (names, versions) = text_in::all_fields(files, source.format).await?;
            pin(&mut turns, versions);
            Columns::new(&names, source.format)
        }
    };
    let schema = columns.schema.clone();
    let reader = Reader {
        format: source.format,
        files: ahead::open(&buckets, &source.bucket, turns),
        columns,
        key: String::new(),
        lines: matches!(wanted, Wanted::Lines),
        skip_missing: matches!(wanted, Wanted::Fields { skip_missing: true, .. }),
        progress,
    };
    Ok(Some(Records { schema, parts: reader.parts(), typing: Typing::Untyped }))
}

/// Whoever has looked at the files once must find them the same.
pub(super) fn pin(turns: &mut [Turn], versions: Vec<Version>) {
    for (turn, version) in turns.iter_mut().zip(versions) {
        turn.pinned = Some(version);
    }
}

/// Whether an object is a Parquet file: its content decides, and a name that
/// says so must be right.
pub(super) async fn is_parquet(opened: &Opened) -> Result<bool, RunError> {
    let size = opened.version.size;
    let mut is = opened.first.starts_with(&PARQUET) && size >= 12;
    if is {
        let end = opened.read(size - 4..size).await.map_err(|error| error.of_source())?;
        is = end == PARQUET[..];
    }
    if !is && opened.key.to_ascii_lowercase().ends_with(".parquet") {
        let text = "its name ends in .parquet, and it does not begin and end as a Parquet file does; was it cut off?";
        return Err(torn(&opened.key, text));
    }
    Ok(is)
}

/// An error in a file's content.
pub(super) fn torn(key: &str, text: &str) -> RunError {
    RunError::Connector(ConnectorError::new(
        ConnectorErrorKind::BadAnswer,
        format!("The file {key} cannot be read: {text}"),
    ))
}

/// The error of a task that names what is nowhere.
pub(super) fn no_such_field(name: &str) -> RunError {
    RunError::Task(format!("The tasks name the field {name}, which none of the files has"))
}

/// Refuses a file whose first bytes are those of a kind that is not read.
pub(super) fn refuse(start: &[u8]) -> Result<(), String> {
    let kinds: [(&[u8], &str); 2] = [(b"\x28\xb5\x2f\xfd", "Zstandard"), (b"PK\x03\x04", "ZIP")];
    match kinds.iter().find(|(magic, _)| start.starts_with(magic)) {
        None => Ok(()),
        Some((_, kind)) => {
            Err(format!("it looks like a {kind} file, which is not read; store it uncompressed or as gzip"))
        }
    }
}

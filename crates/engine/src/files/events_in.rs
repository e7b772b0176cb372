//! Events that were delivered to a flow, as a stream of record batches: JSON
//! Lines like those of a file, out of the flow's inbox.

use std::fmt;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use datafusion::arrow::array::RecordBatch;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tidegate_core::connector::Progress;
use tidegate_core::flow::InputFormat;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

use super::json_in::{JsonFile, Keys};
use super::source::{LINE, Records, Wanted};
use super::text_in::Columns;
use crate::error::RunError;
use crate::table::ahead;
use crate::tasks::Typing;

/// Pieces of JSON Lines, of any size and cut anywhere; or why there are no more.
pub type EventPieces = BoxStream<'static, Result<Bytes, String>>;

/// Where the events of a run come from. They are read once for their fields and
/// once for their values, where all fields are wanted, and must be the same
/// each time.
#[derive(Clone)]
pub struct EventSource(Arc<dyn Fn() -> EventPieces + Send + Sync>);

impl EventSource {
    /// Events that a function gives anew each time it is called.
    pub fn new(open: impl Fn() -> EventPieces + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an inbox of events")
    }
}

fn unreadable(text: &str) -> RunError {
    let text = format!("The events of the flow cannot be read: {text}");
    RunError::Connector(ConnectorError::new(ConnectorErrorKind::BadAnswer, text))
}

/// Opens the events; `None` when there are none.
pub(crate) async fn open(
    events: &EventSource,
    wanted: Wanted,
    progress: Arc<Progress>,
) -> Result<Option<Records>, RunError> {
    let lines = matches!(wanted, Wanted::Lines);
    let columns = match wanted {
        Wanted::Lines => Columns::new(&[LINE.to_owned()], InputFormat::Csv),
        Wanted::Fields { names: Some(names), .. } => Columns::new(&names, InputFormat::Json),
        Wanted::Fields { names: None, .. } => Columns::new(&all_fields(events).await?, InputFormat::Json),
    };
    let mut pieces = (events.0)();
    let Some(piece) = pieces.next().await.transpose().map_err(|text| unreadable(&text))? else {
        return Ok(None);
    };
    Progress::add(&progress.bytes_read, piece.len() as u64);
    let file = if lines { JsonFile::of_lines() } else { JsonFile::new(&columns) };
    let schema = columns.schema.clone();
    let reader = Reader { pieces, piece, file, columns, progress, ended: false };
    // All of them are one part, as one file is.
    let parts = futures::stream::try_unfold(reader, |mut reader| async move {
        let batch = reader.next_batch().await?;
        Ok(batch.map(|batch| ((1, batch), reader)))
    });
    Ok(Some(Records { schema, parts: ahead(parts.boxed()), typing: Typing::Untyped }))
}

/// Every field that any of the events has, in the order in which they appear.
async fn all_fields(events: &EventSource) -> Result<Vec<String>, RunError> {
    let mut keys = Keys::default();
    let mut file = keys.file();
    let mut pieces = (events.0)();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|text| unreadable(&text))?;
        file.feed(&piece).map_err(|text| unreadable(&text))?;
    }
    file.finish().map_err(|text| unreadable(&text))?;
    Ok(keys.into_names())
}

/// Events on their way into batches.
struct Reader {
    pieces: EventPieces,
    piece: Bytes,
    file: JsonFile,
    columns: Columns,
    progress: Arc<Progress>,
    ended: bool,
}

impl Reader {
    async fn next_batch(&mut self) -> Result<Option<RecordBatch>, RunError> {
        while !self.columns.is_full() && !self.ended {
            if self.piece.is_empty() {
                if let Some(piece) = self.pieces.next().await {
                    self.piece = piece.map_err(|text| unreadable(&text))?;
                    Progress::add(&self.progress.bytes_read, self.piece.len() as u64);
                } else {
                    self.file.finish(&mut self.columns).map_err(|text| unreadable(&text))?;
                    self.ended = true;
                }
                continue;
            }
            let used = self.file.feed(&self.piece, &mut self.columns).map_err(|text| unreadable(&text))?;
            self.piece.advance(used);
        }
        Progress::add(&self.progress.records_read, self.columns.rows as u64);
        self.columns.take().map_err(|text| unreadable(&text))
    }
}

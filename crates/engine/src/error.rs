//! How a run fails, in words for the person who reads the run's record.

use std::error::Error;
use std::fmt;
use std::io;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use tidegate_core::{ConnectorError, ConnectorErrorKind};

/// Why a run ended. `Display` is the whole text for the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// The source could not be read; the text is the vendor's or the file's.
    Connector(ConnectorError),
    /// A task cannot be carried out on these records.
    Task(String),
    /// The destination could not be written.
    Destination(String),
    /// Somebody cancelled the run, or the server is stopping.
    Cancelled,
    /// A fault of this program; worth a report.
    Internal(String),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connector(error) => error.fmt(f),
            Self::Task(text) | Self::Destination(text) => f.write_str(text),
            Self::Cancelled => f.write_str("The run was cancelled"),
            Self::Internal(text) => write!(f, "The engine failed, which is a fault of Tidegate: {text}"),
        }
    }
}

impl Error for RunError {}

impl From<ConnectorError> for RunError {
    fn from(error: ConnectorError) -> Self {
        if error.kind == ConnectorErrorKind::Cancelled { Self::Cancelled } else { Self::Connector(error) }
    }
}

impl From<RunError> for DataFusionError {
    fn from(error: RunError) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<ArrowError> for RunError {
    fn from(error: ArrowError) -> Self {
        Self::find(&error).unwrap_or_else(|| Self::Internal(error.to_string()))
    }
}

/// Only destinations do IO of their own in this crate's plans.
impl From<io::Error> for RunError {
    fn from(error: io::Error) -> Self {
        Self::find(&error)
            .unwrap_or_else(|| Self::Destination(format!("Could not write the output: {error}")))
    }
}

impl From<DataFusionError> for RunError {
    fn from(error: DataFusionError) -> Self {
        Self::find(&error).unwrap_or_else(|| Self::Internal(error.strip_backtrace()))
    }
}

impl RunError {
    /// Looks through the wrapping of other crates for an error that we put in
    /// ourselves, or for one of the file system.
    pub(crate) fn find(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found.clone());
            }
            if let Some(found) = error.downcast_ref::<ConnectorError>() {
                return Some(found.clone().into());
            }
            // Boxed errors are not always told as their wrapper's source.
            next = if let Some(DataFusionError::External(inner)) = error.downcast_ref() {
                Some(inner.as_ref())
            } else if let Some(ArrowError::ExternalError(inner)) = error.downcast_ref() {
                Some(inner.as_ref())
            } else if let Some(io) = error.downcast_ref::<io::Error>() {
                match io.get_ref() {
                    Some(inner) => Some(inner),
                    None => return Some(Self::Destination(format!("Could not write the output: {io}"))),
                }
            } else {
                error.source()
            };
        }
        None
    }
}

/// A value for an error's text, cut so that a record cannot flood it.
pub(crate) fn shortened(value: &str) -> String {
    const LONGEST: usize = 40;
    let mut characters = value.chars();
    let head: String = characters.by_ref().take(LONGEST).collect();
    if characters.next().is_some() { format!("{head}…") } else { head }
}

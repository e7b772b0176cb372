//! Errors of the world outside: what a vendor, a bucket or a network did.

use std::fmt;
use std::time::Duration;

/// What kind of failure a connector met; the server maps each to one wire error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorErrorKind {
    /// The vendor could not be reached (DNS, connect, TLS, time out, 5xx).
    Unreachable,
    /// The vendor refused the credentials (401, 403, an OAuth error).
    Refused,
    /// The vendor asked to slow down and the retries are used up.
    Throttled,
    /// The object, field or page does not exist at the vendor.
    NotFound,
    /// The configuration or the request cannot work as it is.
    Invalid,
    /// The vendor no longer knows the cursor of an earlier run: the changes since
    /// then are lost to it, and only a full read begins anew.
    Expired,
    /// The vendor's answer could not be understood, or was torn.
    BadAnswer,
    /// This connector has no such ability (yet).
    Unsupported,
    /// The run was cancelled, or the server is stopping.
    Cancelled,
}

/// A failure of a connector. `Display` gives the text for the user; it has
/// been scrubbed of every secret of the connection before it got here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorError {
    /// The kind, which decides the wire error.
    pub kind: ConnectorErrorKind,
    /// What happened, in the vendor's own words where it gave some, and what
    /// can be done.
    pub message: String,
    /// How long the vendor asked to wait (`Retry-After`), if it did.
    pub retry_after: Option<Duration>,
}

impl ConnectorError {
    /// An error of a kind with a text that holds no secret.
    pub fn new(kind: ConnectorErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConnectorError {}

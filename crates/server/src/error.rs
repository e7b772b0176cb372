//! The one place where an error gets a name and a status of the wire.

use tidegate_core::{ConnectorError, ConnectorErrorKind};
use tidegate_store::StoreError;
use tidegate_wire::{ErrorKind, InputError};

use crate::http::sigv4::SignatureError;
use crate::server::explain;

/// What a client can do about a write for which there was no room.
const DISK: &str = "The server's disk is full or has failed, and nothing of the request was kept. Make room on it and \
                    send the request again; the server's log has the disk's own words.";

/// An error as a client sees it. Whatever a client must not see is logged where
/// it happens and is not in here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The exception's name, such as `ConflictException`.
    pub name: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub message: String,
}

impl ApiError {
    /// An error of one of the wire's kinds.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { name: kind.name(), status: kind.status(), message: message.into() }
    }

    /// `ValidationException`
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Validation, message)
    }

    /// `ResourceNotFoundException`
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ResourceNotFound, message)
    }

    /// `ConflictException`
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// `UnsupportedOperationException`
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UnsupportedOperation, message)
    }

    /// `ServiceQuotaExceededException`
    pub fn quota(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::ServiceQuotaExceeded, message)
    }

    /// `AccessDeniedException` with status 401: nobody is signed in. The API
    /// itself has only 403; the console's sign-in tells the two apart.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self { name: ErrorKind::AccessDenied.name(), status: 401, message: message.into() }
    }

    /// `TooManyRequestsException`: of the console's sign-in.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        Self { name: "TooManyRequestsException", status: 429, message: message.into() }
    }

    /// `InternalServerException`: the cause is logged, the client gets the
    /// request id to quote.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "A request failed for a reason of the server's own.");
        Self::new(
            ErrorKind::InternalServer,
            "The server could not carry out the request. Its log has the reason under this request's id.",
        )
    }
}

impl ApiError {
    fn saying(self, message: &str) -> Self {
        Self { message: message.to_owned(), ..self }
    }
}

impl From<InputError> for ApiError {
    fn from(error: InputError) -> Self {
        Self::new(error.kind(), error.to_string())
    }
}

impl From<SignatureError> for ApiError {
    fn from(error: SignatureError) -> Self {
        Self { name: error.name(), status: error.status(), message: error.to_string() }
    }
}

/// How a vendor's answer becomes an error of the wire. The service prefixes a
/// refused login with its own words (seen in public reports), then quotes.
impl From<ConnectorError> for ApiError {
    fn from(error: ConnectorError) -> Self {
        use ConnectorErrorKind as Kind;
        match error.kind {
            Kind::Refused => Self::new(
                ErrorKind::ConnectorAuthentication,
                format!("Error authenticating to connector: {}", error.message),
            ),
            Kind::Unreachable | Kind::Throttled | Kind::BadAnswer | Kind::Cancelled => {
                Self::new(ErrorKind::ConnectorServer, error.message)
            }
            Kind::NotFound => Self::not_found(error.message),
            Kind::Invalid | Kind::Expired => Self::validation(error.message),
            Kind::Unsupported => Self::unsupported(error.message),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::IdempotencyMismatch => Self::conflict(
                "This client token was used for a request with other parameters in the last 8 hours. Use a new \
                 client token for a new request.",
            ),
            // The log has the cause of the cause as well: which of the two it was.
            other => {
                let is_disk = matches!(other, StoreError::Disk(_));
                let error = Self::internal(explain(&other));
                if is_disk { error.saying(DISK) } else { error }
            }
        }
    }
}

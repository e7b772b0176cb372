//! Why a signature is refused, in the names and words that AWS clients know.

use jiff::Timestamp;

use super::header::basic_format;

/// Minutes that a client's clock may differ from ours, in either direction.
pub(super) const SKEW_MINUTES: i64 = 5;

/// A refused signature.
///
/// `Display` is the message for the client. It repeats regions, services and
/// dates that the client sent, but never a signature, a token or a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The request carries no AWS authentication at all.
    #[error("Missing Authentication Token")]
    MissingAuthenticationToken,

    /// The `Authorization` header, or a header it depends on, is missing a part
    /// or cannot be read. The text names every part that is missing.
    #[error("{0}")]
    Incomplete(String),

    /// The signature is not the one this request and this key give.
    #[error(
        "The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method. \
         Consult the service documentation for details."
    )]
    Mismatch,

    /// The request was signed too long ago.
    #[error(
        "Signature expired: {} is now earlier than {} ({} - {SKEW_MINUTES} min.)",
        basic_format(*signed_at), basic_format(*limit), basic_format(*now)
    )]
    Expired {
        /// When the client says it signed.
        signed_at: Timestamp,
        /// The earliest time that would have been accepted.
        limit: Timestamp,
        /// Our time.
        now: Timestamp,
    },

    /// The request was signed in the future.
    #[error(
        "Signature not yet current: {} is still later than {} ({} + {SKEW_MINUTES} min.)",
        basic_format(*signed_at), basic_format(*limit), basic_format(*now)
    )]
    NotYetCurrent {
        /// When the client says it signed.
        signed_at: Timestamp,
        /// The latest time that would have been accepted.
        limit: Timestamp,
        /// Our time.
        now: Timestamp,
    },

    /// The signature is well formed, but made for something else: another
    /// region, service or day, or it leaves out a header that must be signed.
    #[error("{0}")]
    Scope(String),

    /// The access key is unknown or disabled, or its session token is not the
    /// one that belongs to it.
    #[error("The security token included in the request is invalid.")]
    UnrecognizedClient,

    /// The session token was valid once.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
}

impl SignatureError {
    /// The error name that AWS clients look for in `x-amzn-ErrorType`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::Mismatch | Self::Expired { .. } | Self::NotYetCurrent { .. } | Self::Scope(_) => {
                "InvalidSignatureException"
            }
            Self::UnrecognizedClient => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
        }
    }

    /// The HTTP status: AWS answers 403 whatever is wrong with a signature.
    pub fn status(&self) -> u16 {
        403
    }
}

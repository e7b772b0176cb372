//! The conditions of requests that change something. They are checked where
//! the change happens; what is not built is refused rather than passed over,
//! because a client that sends a condition relies on it.

use std::fs::Metadata;

use http::{HeaderMap, Method};
use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use crate::folders::tag;

/// What has to be at a key for a change to happen.
#[derive(Clone, Debug, Default)]
pub(crate) struct WriteConditions {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
}

impl WriteConditions {
    /// The conditions in headers, for operations of which the model has none.
    pub fn of(headers: &HeaderMap) -> S3Result<Self> {
        let read = |name: &str| {
            let value = headers.get(name).map(|value| ETagCondition::parse_http_header(value.as_bytes()));
            value.transpose().map_err(|_| s3_error!(InvalidArgument, "The header {name} is no ETag"))
        };
        Ok(Self { if_match: read("if-match")?, if_none_match: read("if-none-match")? })
    }

    /// There is none.
    pub const fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Whether they hold for what is at the key now.
    pub fn check(&self, now: Option<&Metadata>) -> S3Result<()> {
        let now = now.map(tag);
        let matches = |condition: &ETagCondition| match (condition, &now) {
            (_, None) => false,
            (ETagCondition::Any, Some(_)) => true,
            (ETagCondition::ETag(tag), Some(now)) => tag.value() == now.value(),
        };
        if self.if_match.is_some() && now.is_none() {
            return Err(s3_error!(NoSuchKey, "The condition names an object that is not there"));
        }
        if self.if_match.as_ref().is_some_and(|condition| !matches(condition))
            || self.if_none_match.as_ref().is_some_and(matches)
        {
            return Err(s3_error!(PreconditionFailed));
        }
        Ok(())
    }
}

/// Refuses a change with a condition that its operation does not check.
pub(crate) fn refuse_unbuilt(operation: &str, method: &Method, headers: &HeaderMap) -> S3Result<()> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let built: &[&str] = match operation {
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" => &["if-match", "if-none-match"],
        "DeleteObject" => &["if-match"],
        _ => &[],
    };
    let copies = matches!(operation, "CopyObject" | "UploadPartCopy");
    for (name, value) in headers {
        let name = name.as_str();
        let is_condition = matches!(
            name,
            "if-match" | "if-none-match" | "if-modified-since" | "if-unmodified-since" | "if-range"
        ) || name.starts_with("x-amz-if-")
            || name.starts_with("x-amz-copy-source-if-");
        let is_built = built.contains(&name) || (copies && name.starts_with("x-amz-copy-source-if-"));
        // That there is none is all that S3 checks: a list of tags would be taken for one tag.
        let is_usual = if name == "if-none-match" { value == "*" } else { !value.is_empty() };
        if is_condition && !(is_built && is_usual) {
            return Err(s3_error!(NotImplemented, "{operation} does not check this condition {name}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_nobody_checks_is_refused() {
        for (operation, method, header, value, is_built) in [
            ("PutObject", Method::PUT, "if-none-match", "*", true),
            ("PutObject", Method::PUT, "if-none-match", "\"tag\"", false),
            ("PutObject", Method::PUT, "if-match", "\"tag\"", true),
            ("PutObject", Method::PUT, "if-match", "", false),
            ("PutObject", Method::PUT, "if-unmodified-since", "*", false),
            ("CopyObject", Method::PUT, "if-match", "*", true),
            ("CopyObject", Method::PUT, "x-amz-copy-source-if-match", "*", true),
            ("UploadPartCopy", Method::PUT, "x-amz-copy-source-if-match", "*", true),
            ("UploadPart", Method::PUT, "if-match", "*", false),
            ("CompleteMultipartUpload", Method::POST, "if-match", "*", true),
            ("DeleteObject", Method::DELETE, "if-match", "*", true),
            ("DeleteObject", Method::DELETE, "if-none-match", "*", false),
            ("DeleteObject", Method::DELETE, "x-amz-if-match-size", "*", false),
            ("AbortMultipartUpload", Method::DELETE, "x-amz-if-match-initiated-time", "*", false),
            ("GetObject", Method::GET, "if-modified-since", "*", true),
            ("PutObject", Method::PUT, "content-type", "*", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header, value.parse().expect("a value"));
            let refused = refuse_unbuilt(operation, &method, &headers);
            assert_eq!(refused.is_ok(), is_built, "{operation} {header} {value}");
        }
    }
}

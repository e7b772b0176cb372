//! What every JSON request and answer has in common: a body within bounds, and the headers of AWS's services.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde_json::Value;
use tidegate_wire::ErrorKind;
use uuid::Uuid;

use crate::error::ApiError;

/// How long a body may take to arrive.
const BODY_TIME: Duration = Duration::from_secs(20);

/// Reads a body of at most so many bytes.
///
/// # Errors
/// 413 when it is larger, 408 when it did not arrive in time.
pub async fn read_body(body: Body, largest: usize) -> Result<Bytes, ApiError> {
    match tokio::time::timeout(BODY_TIME, to_bytes(body, largest)).await {
        Ok(read) => read.map_err(|_| too_large(largest)),
        Err(_) => Err(ApiError::new(
            ErrorKind::RequestTimeout,
            format!("The request's body did not arrive within {} seconds.", BODY_TIME.as_secs()),
        )),
    }
}

/// The refusal of a body of more than so many bytes.
pub fn too_large(largest: usize) -> ApiError {
    ApiError::new(
        ErrorKind::RequestEntityTooLarge,
        format!("The request's body is larger than {largest} bytes, or did not arrive whole."),
    )
}

/// The answer to a request.
pub fn respond(request_id: &Uuid, result: Result<Value, ApiError>) -> Response {
    let (status, error_type, body) = match result {
        Ok(value) => (StatusCode::OK, None, value),
        Err(error) => {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = serde_json::json!({ "message": error.message });
            (status, Some(HeaderValue::from_static(error.name)), body)
        }
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&request_id.to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    if let Some(error_type) = error_type {
        headers.insert("x-amzn-errortype", error_type);
    }
    response
}

//! Bodies of requests that come in time: a client that stops sending does not
//! hold a connection, and what was received so far, for ever.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use s3s::{Body, StdError};
use tokio::time::{Instant, Sleep, sleep};

/// How long the next piece of a body may take to arrive: what the API grants
/// to its bodies as a whole.
pub const IDLE_TIME: Duration = Duration::from_secs(20);

/// A body whose pieces come in time, or an error of the kind `TimedOut`.
struct Timely {
    inner: Body,
    end: Pin<Box<Sleep>>,
    /// The next piece has been asked for. Only then does time count: who is
    /// slow may also be the disk.
    waits: bool,
}

/// A body whose pieces have to come in time.
pub(crate) fn timely(inner: Body) -> Body {
    Body::http_body_unsync(Timely { inner, end: Box::pin(sleep(IDLE_TIME)), waits: false })
}

impl http_body::Body for Timely {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if let Poll::Ready(frame) = http_body::Body::poll_frame(Pin::new(&mut self.inner), context) {
            self.waits = false;
            return Poll::Ready(frame);
        }
        if !self.waits {
            self.waits = true;
            self.end.as_mut().reset(Instant::now() + IDLE_TIME);
        }
        ready!(self.end.as_mut().poll(context));
        Poll::Ready(Some(Err(late().into())))
    }

    fn is_end_stream(&self) -> bool {
        http_body::Body::is_end_stream(&self.inner)
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.inner)
    }
}

/// What errors of bodies say that did not come in time.
const LATE: &str = "the body stopped coming";

/// What a body ends with that does not come in time.
pub fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, LATE)
}

/// Whether an error comes from a body that did not come in time. On its way
/// through s3s it becomes part of another error's text.
pub(crate) fn is_late(error: &StdError) -> bool {
    error.to_string().contains(LATE)
}

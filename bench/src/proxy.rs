//! An HTTP/1.1 proxy that adds time to each answer and remembers what was asked.
//!
//! It stands in front of one server, takes any number of connections and opens one of its own for each. The time is
//! added to every answer alone: answers on different connections wait side by side, as on a long line.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::Outcome;

/// A request that went through.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// A running proxy; it ends when this value is dropped.
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: AbortHandle,
}

impl Proxy {
    /// Starts a proxy before the server at `upstream` that adds `delay` to each answer.
    pub async fn start(upstream: SocketAddr, delay: Duration) -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(serve(stream, upstream, delay, Arc::clone(&kept)));
            }
        });
        Ok(Self { port, seen, accepting: accepting.abort_handle() })
    }

    /// Takes the requests seen since the last time.
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves one connection; what breaks it, the client notices by its end.
async fn serve(stream: TcpStream, upstream: SocketAddr, delay: Duration, seen: Arc<Mutex<Vec<Seen>>>) {
    let _ = stream.set_nodelay(true);
    // Requests of one connection follow each other, so the lock is never waited for.
    let sender = Arc::new(tokio::sync::Mutex::new(None));
    let service = service_fn(move |request: Request<Incoming>| {
        let (sender, seen) = (Arc::clone(&sender), Arc::clone(&seen));
        async move {
            let target = request.uri().to_string();
            seen.lock().push(Seen { target, headers: request.headers().clone() });
            let mut sender = sender.lock().await;
            let answer = forward(&mut sender, upstream, request).await;
            tokio::time::sleep(delay).await;
            // The compiler cannot prove a boxed error general enough for a service.
            answer.map_err(std::io::Error::other)
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(
    sender: &mut Option<SendRequest<Incoming>>,
    upstream: SocketAddr,
    request: Request<Incoming>,
) -> Outcome<Response<Incoming>> {
    let usable = match sender {
        Some(sender) => sender.ready().await.is_ok(),
        None => false,
    };
    if !usable {
        *sender = Some(connect(upstream).await?);
    }
    let sender = sender.as_mut().ok_or("a connection was just opened")?;
    Ok(sender.send_request(request).await?)
}

/// A connection for requests whose bodies are of type `B`.
pub async fn connect<B>(address: SocketAddr) -> Outcome<SendRequest<B>>
where
    B: hyper::body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Its error is told to whoever waits for an answer.
    tokio::spawn(connection);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::pages;

    /// A service whose pages have one row, the number that is asked for.
    async fn service() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(|request: Request<Incoming>| async move {
                    let page = request.uri().query().unwrap_or_default();
                    Ok::<_, std::io::Error>(Response::new(format!(r#"{{"value":[{{"ID":{page}}}]}}"#)))
                });
                let stream = TokioIo::new(stream);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(stream, service));
            }
        });
        address
    }

    #[tokio::test]
    async fn answers_wait_side_by_side_and_requests_are_remembered() {
        const DELAY: Duration = Duration::from_millis(100);
        let proxy = Proxy::start(service().await, DELAY).await.expect("a proxy");
        let address: SocketAddr = ([127, 0, 0, 1], proxy.port).into();
        let mut headers = HeaderMap::new();
        headers.insert("x-reader", "a bench".parse().expect("a header"));
        let request = |page| Seen { target: format!("/odata/Flights?{page}"), headers: headers.clone() };
        let requests = [1, 2, 3].map(request);

        let begun = Instant::now();
        let mut readers = JoinSet::new();
        for _ in 0..8 {
            let requests = requests.clone();
            readers.spawn(async move {
                let mut digest = pages::Digest::new();
                let read = pages::read(address, &requests, |page| digest.add(page)).await.expect("pages");
                (read.time, digest.rows)
            });
        }
        while let Some(read) = readers.join_next().await {
            let (time, rows) = read.expect("a reader");
            assert_eq!(rows, 3);
            assert!(time >= 3 * DELAY, "{time:?}");
        }
        // One after the other they would take 2.4 s.
        assert!(begun.elapsed() < 7 * DELAY, "{:?}", begun.elapsed());

        let seen = proxy.take_seen();
        assert_eq!(seen.len(), 24);
        assert!(seen.iter().all(|one| one.headers["x-reader"] == "a bench"));
        for target in ["/odata/Flights?1", "/odata/Flights?2", "/odata/Flights?3"] {
            assert_eq!(seen.iter().filter(|one| one.target == target).count(), 8, "{target}");
        }
        assert!(proxy.take_seen().is_empty());
    }
}

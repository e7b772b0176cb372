//! Listening: plain TCP or TLS, and an orderly end.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How long a client may take to finish its TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// How long the head of a request may take to arrive, counted from the answer
/// before it: clients may keep an idle connection for that long.
const HEAD_TIME: Duration = Duration::from_secs(60);

/// How long to wait after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long requests under way may take after the server was told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(20);

/// The two PEM files of `--tls-cert` and `--tls-key`.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where a request comes from, as TCP tells it: an extension of every request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// A listener that is bound: connections queue up from now on.
pub struct Bound {
    tcp: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Bound {
    /// Binds an address.
    ///
    /// # Errors
    /// An address in use, or TLS files that cannot be used, as a sentence.
    pub async fn bind(address: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, String> {
        let tls = tls.map(acceptor).transpose()?;
        let tcp = TcpListener::bind(address).await.map_err(|error| {
            format!("cannot listen on {address}: {error}; choose another address with --listen")
        })?;
        Ok(Self { tcp, tls })
    }

    /// The address that was taken.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The base URL for clients.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", self.address()?))
    }

    /// Serves until `stop` resolves, then lets requests under way finish, for
    /// a limited time.
    pub async fn serve(self, router: Router, stop: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        let service = TowerToHyperService::new(router);
        tokio::pin!(stop);
        loop {
            let (stream, address) = tokio::select! {
                accepted = self.tcp.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Out of file descriptors, as a rule: some will be given back.
                        tracing::warn!(%error, "A connection could not be accepted.");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
                () = &mut stop => break,
            };
            let _ = stream.set_nodelay(true);
            let (service, watcher) = (service.clone(), connections.watcher());
            let peer = Peer(address.ip());
            match self.tls.clone() {
                None => drop(tokio::spawn(answer(TokioIo::new(stream), service, peer, watcher))),
                // Handshakes run beside each other, so that a slow one holds up nobody.
                Some(tls) => drop(tokio::spawn(async move {
                    match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(stream)).await {
                        Ok(Ok(stream)) => answer(TokioIo::new(stream), service, peer, watcher).await,
                        Ok(Err(error)) => tracing::debug!(%error, "A TLS handshake failed."),
                        Err(_) => tracing::debug!("A TLS handshake took too long."),
                    }
                })),
            }
        }
        drop(self.tcp);
        if tokio::time::timeout(DRAIN_TIME, connections.shutdown()).await.is_err() {
            tracing::warn!("Some requests did not finish in time and were cut off.");
        }
    }
}

/// Answers the requests of one connection. A head that does not come whole in
/// time ends it; so does idleness.
async fn answer<I>(io: I, service: TowerToHyperService<Router>, peer: Peer, watcher: Watcher)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(HEAD_TIME);
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        service.call(request)
    });
    let connection = builder.serve_connection(io, service).into_owned();
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error = %error, "A connection ended early.");
    }
}

fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, String> {
    let chain =
        CertificateDer::pem_file_iter(&files.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| format!("cannot read the certificates of {}: {error}", files.cert.display()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| format!("cannot read the private key of {}: {error}", files.key.display()))?;
    let mut config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("the certificate and the key do not work together: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

//! Listening: plain TCP or TLS, and an orderly end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How long a client may take to finish its TLS handshake.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

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
    ///
    /// # Errors
    /// A failure of the listener itself.
    pub async fn serve(
        self,
        router: Router,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (stopping, stopped) = tokio::sync::oneshot::channel::<()>();
        let signal = async move {
            stop.await;
            let _ = stopping.send(());
        };
        let serving: futures::future::BoxFuture<'static, io::Result<()>> = match self.tls {
            None => {
                Box::pin(axum::serve(NoDelay(self.tcp), router).with_graceful_shutdown(signal).into_future())
            }
            Some(acceptor) => {
                let listener = TlsListener::start(self.tcp, acceptor);
                Box::pin(axum::serve(listener, router).with_graceful_shutdown(signal).into_future())
            }
        };
        let limit = async {
            // Without a signal there is no limit: the sender lives as long as the server.
            if stopped.await.is_ok() {
                tokio::time::sleep(DRAIN_TIME).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            result = serving => result,
            () = limit => {
                tracing::warn!("Some requests did not finish in time and were cut off.");
                Ok(())
            }
        }
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

/// A TCP listener whose connections send small answers at once.
struct NoDelay(TcpListener);

impl Listener for NoDelay {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        let _ = stream.set_nodelay(true);
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// A TLS listener whose handshakes run beside each other, so that a slow
/// client holds up nobody else.
struct TlsListener {
    address: io::Result<SocketAddr>,
    ready: tokio::sync::mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    fn start(tcp: TcpListener, acceptor: TlsAcceptor) -> Self {
        let address = tcp.local_addr();
        let (sender, ready) = tokio::sync::mpsc::channel(64);
        tokio::spawn(async move {
            let mut tcp = NoDelay(tcp);
            loop {
                let (stream, peer) = tokio::select! {
                    accepted = tcp.accept() => accepted,
                    () = sender.closed() => return,
                };
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    match tokio::time::timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await {
                        Ok(Ok(stream)) => drop(sender.send((stream, peer)).await),
                        Ok(Err(error)) => tracing::debug!(%peer, %error, "A TLS handshake failed."),
                        Err(_) => tracing::debug!(%peer, "A TLS handshake took too long."),
                    }
                });
            }
        });
        Self { address, ready }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task lives as long as this listener does.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        match &self.address {
            Ok(address) => Ok(*address),
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

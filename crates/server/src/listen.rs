//! Listeners: plain and TLS connections into the same routes, with limits and a graceful end.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::TlsAcceptor;

use crate::edge::Guarded;

/// Before accepting again after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The read buffer is larger than the largest headers by this factor, so that those are told from a full buffer.
const BUFFER_PER_HEADERS: usize = 2;

/// One listener.
pub struct Door {
    pub listener: TcpListener,
    pub tls: Option<TlsAcceptor>,
    pub routes: Guarded,
    pub bounds: Bounds,
}

/// What all listeners share.
#[derive(Clone)]
pub struct Bounds {
    /// One for each connection that may be open; further ones wait to be accepted.
    pub places: Arc<Semaphore>,
    /// For a request's headers to arrive, and for a handshake before them.
    pub header_timeout: Duration,
    pub header_bytes_max: usize,
    /// For open requests to finish when the server stops.
    pub grace: Duration,
}

impl Door {
    /// Accepts until told to stop, then lets open requests finish.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                found = stop.wait_for(|stop| *stop) => { drop(found); break }
            };
            let Some((stream, place)) = accepted else { continue };
            let (routes, tls, bounds) = (self.routes.clone(), self.tls.clone(), self.bounds.clone());
            let watcher = graceful.watcher();
            let open = metrics::gauge!("trunkline_connections_open");
            open.increment(1);
            tokio::spawn(async move {
                connection(stream, tls, routes, &bounds, watcher).await;
                open.decrement(1);
                drop(place);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(self.bounds.grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
    }

    /// A connection and its place; `None` when the system gave none.
    async fn accept(&self) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let place = self.bounds.places.clone().acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, _)) => Some((stream, place)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    routes: Guarded,
    bounds: &Bounds,
    watcher: Watcher,
) {
    // Small answers must not wait for more to come.
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: http::Request<Incoming>| {
        let routes = routes.clone();
        async move { Ok::<_, Infallible>(routes.answer(request.map(Body::new)).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(bounds.header_timeout)
        .max_header_size(bounds.header_bytes_max)
        .max_buf_size(bounds.header_bytes_max * BUFFER_PER_HEADERS);
    let ended = match tls {
        None => watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await,
        Some(tls) => {
            let shaken = tokio::time::timeout(bounds.header_timeout, tls.accept(stream)).await;
            let Ok(Ok(stream)) = shaken else { return };
            watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Reads a certificate chain and its key.
pub fn tls(certificate: &Path, key: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain =
        CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .with_context(|| format!("{} holds no certificate chain in PEM form", certificate.display()))?;
    let key = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} holds no private key in PEM form", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

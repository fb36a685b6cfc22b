//! Listeners: plain and TLS connections into the same routes, with limits and a graceful end.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Connections open at once on one listener; further ones wait to be accepted.
const CONNECTIONS_MAX: usize = 10_000;
/// A client must send its headers, or shake hands, within this many seconds.
const HEADERS_S_MAX: u64 = 30;
/// Before accepting again after the system refused a connection, in milliseconds.
const ACCEPT_PAUSE_MS: u64 = 50;

/// One listener.
pub struct Door {
    pub listener: TcpListener,
    pub tls: Option<TlsAcceptor>,
    pub routes: Router,
    /// Open requests may take this many seconds to finish when the server stops.
    pub grace_s: u64,
}

impl Door {
    /// Accepts until told to stop, then lets open requests finish.
    pub async fn serve(self, mut stop: watch::Receiver<bool>) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let Ok(place) = places.clone().acquire_owned().await else {
                return;
            };
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                found = stop.wait_for(|stop| *stop) => { drop(found); break }
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
                    continue;
                }
            };
            let (routes, tls, watcher) = (self.routes.clone(), self.tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                connection(stream, tls, routes, watcher).await;
                drop(place);
            });
        }
        let grace = Duration::from_secs(self.grace_s);
        if tokio::time::timeout(grace, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not finish in time");
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    routes: Router,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Small answers must not wait for more to come.
    drop(stream.set_nodelay(true));
    let service = TowerToHyperService::new(routes);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(HEADERS_S_MAX));
    let ended = match tls {
        None => watcher.watch(http.serve_connection(TokioIo::new(stream), service)).await,
        Some(tls) => {
            let shaken = tokio::time::timeout(Duration::from_secs(HEADERS_S_MAX), tls.accept(stream)).await;
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

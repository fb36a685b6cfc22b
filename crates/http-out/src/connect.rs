//! Connections to vetted addresses only: resolve, judge, connect to exactly what was judged.
//!
//! The name is not looked up a second time between judging and connecting, so a name server that changes its mind
//! gains nothing. TCP and TLS together have one time limit; its end is a failed connection, before any byte of a
//! request.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::Service;

use crate::policy::Policy;
use crate::resolve::Resolve;

/// Why no connection was made.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the address is not public")]
    Forbidden,
    #[error("the host has no address")]
    NoAddress,
    #[error("no connection within the time limit")]
    TooSlow,
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
}

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// TCP connections under a policy.
#[derive(Clone)]
pub struct Guarded {
    pub policy: Arc<Policy>,
    pub resolver: Arc<dyn Resolve>,
}

impl Guarded {
    async fn open(self, uri: Uri) -> Result<TcpStream, Failure> {
        let host = uri.host().unwrap_or_default();
        let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default_port);
        let mut last = Failure::NoAddress;
        for address in self.vetted(host).await? {
            match TcpStream::connect(SocketAddr::new(address, port)).await {
                Ok(stream) => {
                    if !self.policy.permits(stream.peer_addr()?.ip()) {
                        return Err(Failure::Forbidden);
                    }
                    stream.set_nodelay(true)?;
                    return Ok(stream);
                }
                Err(error) => last = Failure::Io(error),
            }
        }
        Err(last)
    }

    /// Addresses of a host that the policy permits, at least one.
    pub async fn vetted(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = match bare.parse::<IpAddr>() {
            Ok(literal) => vec![literal],
            Err(_) => self.resolver.lookup(bare.to_owned()).await?,
        };
        if found.is_empty() {
            return Err(Failure::NoAddress);
        }
        let vetted: Vec<IpAddr> = found.into_iter().filter(|address| self.policy.permits(*address)).collect();
        if vetted.is_empty() {
            return Err(Failure::Forbidden);
        }
        Ok(vetted)
    }
}

impl Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Self::Response, Failure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let guarded = self.clone();
        Box::pin(async move { guarded.open(uri).await.map(TokioIo::new) })
    }
}

/// A connector with a time limit over all of it, the TLS handshake included.
#[derive(Clone)]
pub struct Timely<C> {
    pub inner: C,
    pub limit: Duration,
}

impl<C> Service<Uri> for Timely<C>
where
    C: Service<Uri>,
    C::Future: Send + 'static,
    C::Error: Into<AnyError> + 'static,
    C::Response: 'static,
{
    type Response = C::Response;
    type Error = AnyError;
    type Future = BoxFuture<'static, Result<C::Response, AnyError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => Err(Failure::TooSlow.into()),
            }
        })
    }
}

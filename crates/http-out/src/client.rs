//! The pooled client behind [`HttpOut`].
//!
//! What a caller must know after a failure is whether the far end may have read the request. `NotSent` is said only
//! where no connection came about; everything later is `NoAnswer`. A pooled connection that turns out closed before
//! a byte was written is replaced by the pool itself, which hands the untouched request to a new one.

use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use connector_api::{HttpOut, HttpRequest, HttpResponse, OutError};
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::{Host, Url};

use crate::connect::{Failure, Guarded, Timely};
use crate::policy::Policy;
use crate::resolve::{Resolve, SystemResolver};

/// Time and number limits of one client; those of a single request travel with it.
#[derive(Clone, Debug)]
pub struct Limits {
    /// TCP and TLS together.
    pub connect_timeout_ms: u64,
    /// A whole request, whatever longer it asks for itself.
    pub request_timeout_ms_max: u64,
    /// How long an unused connection is kept.
    pub idle_timeout_ms: u64,
    /// Unused connections kept to one host.
    pub idle_connections_per_host_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect_timeout_ms: 5_000,
            request_timeout_ms_max: 30_000,
            idle_timeout_ms: 30_000,
            idle_connections_per_host_max: 64,
        }
    }
}

/// A way out under one policy. Clones share the pool.
#[derive(Clone)]
pub struct Client {
    inner: legacy::Client<Timely<HttpsConnector<Guarded>>, Full<Bytes>>,
    guarded: Guarded,
    request_timeout_ms_max: u64,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("policy", &self.guarded.policy).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that asks the operating system for addresses.
    pub fn new(policy: Policy, limits: Limits) -> Client {
        Client::with_resolver(policy, limits, Arc::new(SystemResolver))
    }

    /// A client that asks somebody else for addresses.
    #[expect(clippy::disallowed_methods, reason = "this room is the way out that others are pointed to")]
    pub fn with_resolver(policy: Policy, limits: Limits, resolver: Arc<dyn Resolve>) -> Client {
        let guarded = Guarded { policy: Arc::new(policy), resolver };
        let secured = HttpsConnectorBuilder::new()
            .with_tls_config(tls())
            .https_or_http()
            .enable_http1()
            .wrap_connector(guarded.clone());
        let timely = Timely { inner: secured, limit: Duration::from_millis(limits.connect_timeout_ms) };
        let inner = legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_millis(limits.idle_timeout_ms))
            .pool_max_idle_per_host(limits.idle_connections_per_host_max)
            .pool_timer(TokioTimer::new())
            .build(timely);
        Client { inner, guarded, request_timeout_ms_max: limits.request_timeout_ms_max }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, OutError> {
        let url = self.permitted(&request.url)?;
        let answer_bytes_max = request.answer_bytes_max;
        let limit = Duration::from_millis(request.timeout_ms.min(self.request_timeout_ms_max));
        let request = assemble(request, &url)?;
        let whole = async {
            let answer = self.inner.request(request).await.map_err(|error| classify(&error))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, answer_bytes_max).collect().await;
            let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
                Some(_) => OutError::TooLong,
                None => OutError::NoAnswer("the answer broke off".to_owned()),
            })?;
            Ok(HttpResponse { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        };
        match tokio::time::timeout(limit, whole).await {
            Ok(ended) => ended,
            Err(_) => Err(OutError::NoAnswer("no whole answer within the time limit".to_owned())),
        }
    }

    /// The URL, normalized: odd spellings of an address become the address, which is judged here and once more
    /// when it is connected to.
    fn permitted(&self, url: &str) -> Result<Url, OutError> {
        let forbidden = |why: &str| OutError::Forbidden(why.to_owned());
        let url = Url::parse(url).map_err(|_| forbidden("not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(forbidden("neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("credentials inside the URL"));
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            Some(Host::Domain(_)) => None,
            None => return Err(forbidden("no host")),
        };
        if literal.is_some_and(|address| !self.guarded.policy.permits(address)) {
            return Err(forbidden("the address is not public"));
        }
        Ok(url)
    }
}

impl HttpOut for Client {
    fn call(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, OutError>> {
        Box::pin(async move {
            let method = request.method.clone();
            // Path and query may hold credentials: the host is all that is logged, and looked for only then.
            let logged = tracing::enabled!(tracing::Level::DEBUG);
            let url = if logged { Url::parse(&request.url).ok() } else { None };
            let host = url.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
            let ended = self.exchange(request).await;
            match &ended {
                Ok(answer) => {
                    tracing::debug!(%method, host, status = answer.status, bytes = answer.body.len(), "called out");
                }
                Err(error) => tracing::debug!(%method, host, ?error, "call out failed"),
            }
            ended
        })
    }

    fn addresses(&self, host: String) -> BoxFuture<'_, Result<Vec<IpAddr>, OutError>> {
        Box::pin(async move {
            self.guarded.vetted(&host).await.map_err(|failure| match failure {
                Failure::Forbidden => OutError::Forbidden(failure.to_string()),
                _ => OutError::NotSent(failure.to_string()),
            })
        })
    }
}

fn tls() -> rustls::ClientConfig {
    use hyper_rustls::ConfigBuilderExt as _;
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_webpki_roots()
        .with_no_client_auth()
}

fn assemble(request: HttpRequest, url: &Url) -> Result<Request<Full<Bytes>>, OutError> {
    let mut assembled = Request::new(Full::new(request.body));
    *assembled.method_mut() = request.method;
    *assembled.uri_mut() = url.as_str().parse().map_err(|_| OutError::Forbidden("not a URL".to_owned()))?;
    *assembled.headers_mut() = request.headers;
    let agent = HeaderValue::from_static("trunkline");
    assembled.headers_mut().entry(header::USER_AGENT).or_insert(agent);
    Ok(assembled)
}

fn classify(error: &legacy::Error) -> OutError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = cause {
        if let Some(failure) = current.downcast_ref::<Failure>() {
            return match failure {
                Failure::Forbidden => OutError::Forbidden(failure.to_string()),
                _ => OutError::NotSent(failure.to_string()),
            };
        }
        cause = current.source();
    }
    if error.is_connect() {
        return OutError::NotSent("no secure connection".to_owned());
    }
    OutError::NoAnswer("the connection broke before the answer".to_owned())
}

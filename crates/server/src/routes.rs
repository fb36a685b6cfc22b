//! The one origin: all faces, providers' callbacks, and health.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::id::AppId;
use engine::{Callback, Engine, Rejected};

/// Largest callback of a provider.
const CALLBACK_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Providers' callbacks and health.
pub fn own(engine: Engine) -> Router {
    Router::new()
        .route("/callbacks/{channel}/{app}", get(handshake).post(callback))
        .layer(DefaultBodyLimit::max(CALLBACK_BYTES_MAX))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(engine)
}

async fn ready(State(engine): State<Engine>) -> Response {
    if engine.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "shutting down\n").into_response()
    }
}

async fn callback(
    State(engine): State<Engine>,
    Path((channel, app)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(app) = AppId::parse(&app) else {
        return answer(&Rejected::Unknown);
    };
    let callback = Callback { headers, query: query.unwrap_or_default(), body };
    match engine.provider_callback(&channel, app, callback).await {
        Ok(()) => (StatusCode::OK, "{}").into_response(),
        Err(rejected) => answer(&rejected),
    }
}

async fn handshake(
    State(engine): State<Engine>,
    Path((channel, app)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(app) = AppId::parse(&app) else {
        return answer(&Rejected::Unknown);
    };
    match engine.provider_handshake(&channel, app, &query.unwrap_or_default()) {
        Ok(handshake) => handshake.0.into_response(),
        Err(rejected) => answer(&rejected),
    }
}

fn answer(rejected: &Rejected) -> Response {
    match rejected {
        Rejected::Unknown => (StatusCode::NOT_FOUND, "no such app or channel\n"),
        Rejected::Forged => (StatusCode::FORBIDDEN, "the signature does not match\n"),
        Rejected::Unreadable(_) => (StatusCode::BAD_REQUEST, "the callback cannot be understood\n"),
        Rejected::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "not kept; repeat it\n"),
    }
    .into_response()
}

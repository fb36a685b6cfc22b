//! The one origin: all faces, providers' callbacks, and health.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::id::AppId;
use engine::{Callback, Engine, Rejected};
use tokio::sync::watch;

use crate::edge::{self, CALLBACK_BYTES_MAX, Edge, Guarded};
use crate::wiring::Wiring;

/// Everything that the world may reach.
pub fn all(wiring: &Wiring, engine: &Engine, tls_port: Option<u16>, stop: &watch::Sender<bool>) -> Guarded {
    let liveperson = face_liveperson::Settings { tls_port, ..wiring.liveperson.clone() };
    let edge = Edge {
        body_bytes_max: wiring.doors.body_bytes_max,
        body_timeout: wiring.doors.body_timeout,
        stop: stop.subscribe(),
    };
    let routes = callbacks(engine.clone())
        .merge(health(engine.clone(), stop))
        .merge(face_liveperson::router(engine.clone(), liveperson))
        .merge(face_sinch::router(engine.clone(), wiring.sinch.clone()))
        .merge(face_livedesk::router(engine.clone(), wiring.livedesk.clone()))
        .merge(face_trunkline::router(engine.clone()))
        .fallback(edge::nothing);
    Guarded::new(edge, routes)
}

/// `/livez`: the process runs. `/readyz`: it can accept.
pub fn health(engine: Engine, stop: &watch::Sender<bool>) -> Router {
    let stop = stop.subscribe();
    let ready = move || {
        let answer = if *stop.borrow() {
            (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
        } else if engine.is_ready() && engine.delivery_is_paused() {
            (StatusCode::OK, "ready; delivery is paused\n")
        } else if engine.is_ready() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "nothing can be kept\n")
        };
        std::future::ready(answer)
    };
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

fn callbacks(engine: Engine) -> Router {
    Router::new().route("/callbacks/{channel}/{app}", get(handshake).post(callback)).with_state(engine)
}

async fn callback(
    State(engine): State<Engine>,
    Path((channel, app)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(app) = AppId::parse(&app) else {
        return answer(&Rejected::Unknown);
    };
    // What is longer than may be, or too slow, the edge says in words of its own.
    let Ok(body) = axum::body::to_bytes(body, CALLBACK_BYTES_MAX).await else {
        return StatusCode::BAD_REQUEST.into_response();
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

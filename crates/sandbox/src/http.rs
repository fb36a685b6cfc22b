//! The HTTP listener: connections, and the two things a provider does that a web framework does not.
//!
//! A handler that never answers is simply a future that stays pending. A handler that wants its connection dropped
//! returns [`drop_connection`]: the marker never becomes bytes, the socket closes instead.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt as _;

use crate::world::World;

/// A video upload fits; anything beyond is refused by the provider before reading.
pub(crate) const BODY_BYTES_MAX: usize = 110 << 20;

#[derive(Clone)]
struct DropConnection;

pub(crate) fn drop_connection() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(DropConnection);
    response
}

pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// Where the caller reached us, for addresses that an answer must contain.
pub(crate) fn origin(headers: &HeaderMap) -> String {
    let host = headers.get(http::header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1");
    format!("http://{host}")
}

pub(crate) async fn serve(world: Arc<World>, listener: TcpListener, router: Router) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = world.closing.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                world.tasks.spawn(connection(world.clone(), stream, router.clone()));
            }
            // Running out of descriptors passes; spinning on it would not help.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
        }
    }
}

async fn connection(world: Arc<World>, stream: TcpStream, router: Router) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let router = router.clone();
        async move {
            let response =
                router.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {});
            if response.extensions().get::<DropConnection>().is_some() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            Ok(response)
        }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = serving => {}
        () = world.closing.cancelled() => {}
    }
}

//! Every path of the face in one place.
//! One origin serves them all; none collides with another face.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post, put};

use crate::{Face, create, csds, files, idp, installations, login, send, sentinel};

/// The router.
pub fn router(face: Face) -> Router {
    let file_bytes_max = face.settings.file_bytes_max;
    Router::new()
        .route("/api/account/{account}/service/baseURI.json", get(csds::all))
        .route("/api/account/{account}/service/baseURI", get(csds::all))
        .route("/api/account/{account}/service/{service}/baseURI.json", get(csds::one))
        .route("/api/account/{account}/service/{service}/baseURI", get(csds::one))
        .route("/csdr/account/{account}/service/baseURI.json", get(csds::all))
        .route("/csdr/account/{account}/service/{service}/baseURI.json", get(csds::one))
        .route("/sentinel/api/account/{account}/app/token", post(sentinel::handler))
        .route("/api/account/{account}/consumer", post(idp::handler))
        .route("/api/account/{account}/messaging/consumer/conversation", post(create::handler))
        .route("/api/account/{account}/messaging/consumer/conversation/send", post(send::handler))
        .route(
            "/v1/AUTH_async-images/{account}/{name}",
            put(files::upload).get(files::download).layer(DefaultBodyLimit::max(file_bytes_max)),
        )
        .route("/api/account/{account}/login", post(login::handler))
        .route("/api/account/{account}/configuration/provision/featureGrants", get(login::features))
        .route(
            "/api/account/{account}/configuration/app-install/installations",
            get(installations::list).post(installations::create),
        )
        .route(
            "/api/account/{account}/configuration/app-install/installations/{id}",
            get(installations::one).put(installations::replace).delete(installations::remove),
        )
        .with_state(face)
}

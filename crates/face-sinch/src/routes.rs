//! The table of routes. Colon verbs arrive plain from every SDK and are also taken with the colon escaped.
//!
//! Everything else under a project answers 404 in the API's envelope; the face sets no fallback of its own router, so
//! that the server can merge it with the other faces.

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use engine::Engine;
use face_kit::buckets::Buckets;

use crate::error::Problem;
use crate::gate::{Caller, Desk};
use crate::token::{Tokens, issue};
use crate::{Settings, apps, contacts, conversations, messages, webhooks};

/// The face's routes.
pub fn router(engine: Engine, settings: Settings) -> Router {
    let desk = Arc::new(Desk {
        engine,
        tokens: Tokens::new(&settings),
        rates: settings.rates,
        requests: Buckets::new(settings.rates.requests_per_second),
        sends: Buckets::new(settings.rates.sends_per_second_per_app),
    });
    let send = || post(messages::send::handler);
    Router::new()
        .route("/oauth2/token", post(issue))
        .route("/v1/projects/{project}/messages:send", send())
        .route("/v1/projects/{project}/messages%3Asend", send())
        .route("/v1/projects/{project}/messages%3asend", send())
        .route("/v1/projects/{project}/messages", get(messages::read::list))
        .route("/v1/projects/{project}/messages/{id}", get(messages::read::one))
        .route("/v1/projects/{project}/conversations", get(conversations::list))
        .route("/v1/projects/{project}/conversations/{id}", get(conversations::one).post(conversations::verb))
        .route("/v1/projects/{project}/contacts/{id}", get(contacts::one))
        .route("/v1/projects/{project}/contacts", get(contacts::list))
        .route("/v1/projects/{project}/apps", get(apps::list))
        .route("/v1/projects/{project}/apps/{id}", get(apps::one))
        .route("/v1/projects/{project}/apps/{id}/webhooks", get(webhooks::of_app).post(webhooks::not_here))
        .route("/v1/projects/{project}/webhooks", post(webhooks::create))
        .route(
            "/v1/projects/{project}/webhooks/{id}",
            get(webhooks::one).patch(webhooks::update).delete(webhooks::delete),
        )
        .route("/v1/projects/{project}/{*rest}", any(nothing))
        .method_not_allowed_fallback(|| async { Problem::method() })
        .with_state(desk)
}

async fn nothing(_: Caller) -> Problem {
    Problem::not_found("route")
}

//! The route table, and what every handler is given: the desk (engine and settings) and the call (who, where).
//!
//! Each path is served with a trailing slash and, where its last segment is a word, with `.json` as well.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::routing::{MethodRouter, get, patch, post};
use domain::conversation::Conversation;
use domain::record::List;
use engine::Engine;
use http::HeaderMap;
use http::request::Parts;
use serde_json::{Map, Value};

use crate::auth::{self, Caller};
use crate::error::Problem;
use crate::settings::Settings;
use crate::shown::Links;
use crate::signed::Signer;
use crate::throttle::Throttle;
use crate::{assign, blob, conversation, create, form, list, profile, standing, status, typing, webhook};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct Desk {
    pub engine: Engine,
    pub settings: Arc<Settings>,
    pub signer: Signer,
    pub throttle: Arc<Throttle>,
}

impl Desk {
    pub(crate) fn links(&self) -> Links {
        Links { base: Arc::from(self.engine.base_url()), signer: self.signer }
    }
}

/// An authenticated call, its body aside.
pub(crate) struct Call {
    pub caller: Caller,
    pub headers: HeaderMap,
    pub query: Map<String, Value>,
    params: HashMap<String, String>,
}

impl Call {
    /// A number in the path; what is none names nothing.
    pub(crate) fn number(&self, name: &str) -> Result<u64, Problem> {
        let text = self.params.get(name).ok_or(Problem::NotFound)?;
        let text = text.strip_suffix(".json").unwrap_or(text);
        text.parse().map_err(|_| Problem::NotFound)
    }

    /// The conversation in the path, if it is the caller's.
    pub(crate) async fn conversation(&self, engine: &Engine) -> Result<Arc<Conversation>, Problem> {
        let (number, tenant) = (self.number("conversation_id")?, self.caller.tenant.id);
        let found = engine.at::<Conversation>(tenant, (List::ConversationsOfTenant, tenant.0), number).await;
        found.map_err(Problem::store)?.ok_or(Problem::NotFound)
    }
}

impl FromRequestParts<Desk> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, desk: &Desk) -> Result<Call, Problem> {
        let raw = RawPathParams::from_request_parts(parts, desk).await.map_err(|_| Problem::NotFound)?;
        let params: HashMap<String, String> =
            raw.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let directory = desk.engine.directory();
        let caller = if parts.uri.path().starts_with("/api/v2/") {
            auth::by_key(&directory, &parts.headers)?
        } else {
            auth::by_token(&directory, &parts.headers, params.get("account_id").map(String::as_str))?
        };
        let query = form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        Ok(Call { caller, headers: parts.headers.clone(), query, params })
    }
}

/// The whole face.
pub(crate) fn all(engine: Engine, settings: Settings) -> Router {
    let desk = Desk {
        signer: Signer::new(settings.signing_key),
        throttle: Arc::new(Throttle::new(settings.throttle_per_conversation_per_minute)),
        settings: Arc::new(settings),
        engine,
    };
    let mut router = Router::new();
    for base in ["/api/v2/accounts", "/api/v1/accounts/{account_id}"] {
        for (path, methods) in account() {
            router = add(router, &format!("{base}{path}"), methods);
        }
    }
    router = add(router, "/api/v1/profile", get(profile::show));
    for (path, methods) in files() {
        router = router.route(path, methods);
    }
    router.method_not_allowed_fallback(no_route).with_state(desk)
}

/// The resources of one account.
fn account() -> Vec<(&'static str, MethodRouter<Desk>)> {
    vec![
        ("/conversations", get(conversation::list)),
        ("/conversations/{conversation_id}", get(conversation::show)),
        ("/conversations/{conversation_id}/messages", get(list::handler).post(create::handler)),
        (
            "/conversations/{conversation_id}/messages/{message_id}",
            get(status::show).merge(patch(status::update).put(status::update).delete(status::delete)),
        ),
        ("/conversations/{conversation_id}/toggle_status", post(standing::toggle)),
        ("/conversations/{conversation_id}/toggle_typing_status", post(typing::toggle)),
        ("/conversations/{conversation_id}/assignments", post(assign::handler)),
        ("/webhooks", get(webhook::list).post(webhook::create)),
        ("/webhooks/{webhook_id}", patch(webhook::update).put(webhook::update).delete(webhook::delete)),
    ]
}

/// File links; public, for the signature is the permission.
fn files() -> Vec<(&'static str, MethodRouter<Desk>)> {
    vec![
        ("/rails/active_storage/blobs/redirect/{signed}/{name}", get(blob::redirect)),
        ("/rails/active_storage/blobs/proxy/{signed}/{name}", get(blob::proxy)),
        ("/rails/active_storage/blobs/{signed}/{name}", get(blob::redirect)),
        ("/rails/active_storage/representations/redirect/{signed}/{variation}/{name}", get(blob::thumbnail)),
        (
            "/rails/active_storage/representations/proxy/{signed}/{variation}/{name}",
            get(blob::proxy_thumbnail),
        ),
        ("/rails/active_storage/disk/{key}/{name}", get(blob::disk)),
    ]
}

fn add(router: Router<Desk>, path: &str, methods: MethodRouter<Desk>) -> Router<Desk> {
    let router = router.route(path, methods.clone()).route(&format!("{path}/"), methods.clone());
    if path.ends_with('}') { router } else { router.route(&format!("{path}.json"), methods) }
}

async fn no_route() -> Problem {
    Problem::NoRoute
}

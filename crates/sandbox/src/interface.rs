//! The sandbox's own interface: ledger, handsets, faults, accounts. Stable, because people script against it.
//!
//! Errors are `{"error": "a sentence"}`. Identities are accepted with or without a leading `+`.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use bytes::Bytes;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::accounts::Account;
use crate::channel::{Channel, Person, Said};
use crate::http::json as answer;
use crate::media;
use crate::world::{World, now_ms};

/// How many handsets are listed.
const LISTED_MAX: usize = 500;
/// How long a handset shows that its person types, unless a message comes first.
const PERSON_TYPING_MS: u64 = 5_000;

type Shared = State<Arc<World>>;
type Asked = Query<HashMap<String, String>>;

pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/about", get(about))
        .route("/ledger", get(ledger))
        .route("/handsets", get(handsets))
        .route("/handsets/{channel}/{identity}", get(handset))
        .route("/handsets/{channel}/{identity}/messages", post(write))
        .route("/handsets/{channel}/{identity}/read", post(read))
        .route("/handsets/{channel}/{identity}/typing", post(typing))
        .route("/faults/{channel}/{identity}", put(faults))
        .route("/accounts", get(accounts))
        .route("/accounts/{channel}/{account}", put(account))
}

fn error(status: StatusCode, sentence: &str) -> Response {
    answer(status, &json!({ "error": sentence }))
}

#[expect(clippy::result_large_err, reason = "a refusal is returned at once, never passed around")]
fn find(world: &World, name: &str) -> Result<Arc<dyn Channel>, Response> {
    let unknown = || error(StatusCode::NOT_FOUND, &format!("there is no channel {name}"));
    world.channel(name).cloned().ok_or_else(unknown)
}

fn plain(identity: &str) -> &str {
    identity.trim_start_matches('+')
}

/// Where the SMSC listens, for a server that finds this sandbox by its URL.
async fn about(State(world): Shared) -> Response {
    let smsc = world.session_listener.get().map(ToString::to_string);
    answer(StatusCode::OK, &json!({ "product": "trunkline sandbox", "smpp": smsc }))
}

async fn ledger(State(world): Shared, Query(asked): Asked) -> Response {
    let number = |name: &str| asked.get(name).and_then(|value| value.parse::<u64>().ok());
    let limit = number("limit").map_or(usize::MAX, |limit| limit as usize);
    let after = number("after").unwrap_or(0);
    // Old rows come from the disk.
    let page = tokio::task::spawn_blocking(move || world.ledger.page(after, limit)).await;
    match page.unwrap_or_else(|failed| Err(io::Error::other(failed))) {
        Ok(page) => ([(CONTENT_TYPE, "application/json")], page).into_response(),
        Err(failed) => error(StatusCode::INTERNAL_SERVER_ERROR, &failed.to_string()),
    }
}

async fn handsets(State(world): Shared) -> Response {
    answer(StatusCode::OK, &world.handsets.list(now_ms(), LISTED_MAX))
}

async fn handset(State(world): Shared, Path((channel, identity)): Path<(String, String)>) -> Response {
    match find(&world, &channel) {
        Ok(channel) => {
            let bubbles = world.handsets.bubbles(channel.name(), plain(&identity));
            answer(StatusCode::OK, &json!(bubbles))
        }
        Err(refusal) => refusal,
    }
}

#[derive(Deserialize)]
struct Written {
    text: Option<String>,
    choice: Option<String>,
    location: Option<Value>,
    media_url: Option<String>,
}

async fn write(
    State(world): Shared,
    Path((channel, identity)): Path<(String, String)>,
    Query(asked): Asked,
    body: Bytes,
) -> Response {
    match written(&world, &channel, plain(&identity), asked.get("account").map(String::as_str), &body).await {
        Ok(response) | Err(response) => response,
    }
}

async fn written(
    world: &Arc<World>,
    channel: &str,
    identity: &str,
    asked: Option<&str>,
    body: &[u8],
) -> Result<Response, Response> {
    let channel = find(world, channel)?;
    let written: Written = serde_json::from_slice(body)
        .map_err(|wrong| error(StatusCode::BAD_REQUEST, &format!("the body is not a message: {wrong}")))?;
    let last = world.handsets.wrote_last(channel.name(), identity);
    let last = last.as_ref().map(|(account, _)| account.as_str());
    let account = world.accounts.choose(channel.name(), asked, last);
    let account = account
        .ok_or_else(|| error(StatusCode::CONFLICT, "no such account is registered on this channel"))?;
    let said = said(world, &account, written).await?;
    let to = account.id.clone();
    let id = channel.say(world, Person { account, identity: identity.to_owned() }, said);
    Ok(answer(StatusCode::OK, &json!({ "provider_id": id, "account": to })))
}

async fn said(world: &World, account: &Account, written: Written) -> Result<Said, Response> {
    let bad = |sentence: &str| error(StatusCode::BAD_REQUEST, sentence);
    if let Some(url) = written.media_url {
        let file =
            media::fetch(&world.callbacks, &account.id, &url).await.map_err(|sentence| bad(&sentence))?;
        let id = world.next_id().to_string();
        world.media.put(id.clone(), file);
        return Ok(Said::Media { id, url, caption: written.text.unwrap_or_default() });
    }
    if let Some(place) = written.location {
        let numbers = place["latitude"].is_number() && place["longitude"].is_number();
        return if numbers {
            Ok(Said::Location(place))
        } else {
            Err(bad("latitude and longitude must be numbers"))
        };
    }
    match (written.choice, written.text) {
        (Some(choice), _) => Ok(Said::Choice(choice)),
        (None, Some(text)) if !text.is_empty() => Ok(Said::Text(text)),
        _ => Err(bad("say text, choice, location or media_url")),
    }
}

async fn read(State(world): Shared, Path((channel, identity)): Path<(String, String)>) -> Response {
    match find(&world, &channel) {
        Ok(channel) => answer(StatusCode::OK, &json!({ "reported": channel.read(&world, plain(&identity)) })),
        Err(refusal) => refusal,
    }
}

/// The handset shows it for a while, whether or not the provider tells the business.
async fn typing(State(world): Shared, Path((channel, identity)): Path<(String, String)>) -> Response {
    match find(&world, &channel) {
        Ok(channel) => {
            let identity = plain(&identity);
            world.handsets.set_person_typing(channel.name(), identity, now_ms() + PERSON_TYPING_MS);
            answer(StatusCode::OK, &json!({ "reported": channel.typing(&world, identity) }))
        }
        Err(refusal) => refusal,
    }
}

async fn faults(
    State(world): Shared,
    Path((channel, identity)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let channel = match find(&world, &channel) {
        Ok(channel) => channel,
        Err(refusal) => return refusal,
    };
    let Ok(codes) = serde_json::from_slice::<Vec<String>>(&body) else {
        return error(StatusCode::BAD_REQUEST, "a script is a JSON array of outcome codes, as strings");
    };
    world.faults.script(channel.name(), plain(&identity), &codes);
    answer(StatusCode::OK, &json!({ "scripted": codes.len() }))
}

/// Names and callback addresses only: credentials are not shown again.
async fn accounts(State(world): Shared) -> Response {
    let of = |channel: &Arc<dyn Channel>| {
        let all = world.accounts.all(channel.name());
        let name = channel.name();
        let shown = |account: &Arc<Account>| json!({ "channel": name, "account": account.id, "callback_url": account.text("callback_url") });
        all.iter().map(shown).collect::<Vec<_>>()
    };
    let all: Vec<Value> = world.channels.iter().flat_map(of).collect();
    answer(StatusCode::OK, &all.into())
}

async fn account(
    State(world): Shared,
    Path((channel, account)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let channel = match find(&world, &channel) {
        Ok(channel) => channel,
        Err(refusal) => return refusal,
    };
    match serde_json::from_slice::<Map<String, Value>>(&body) {
        Ok(properties) => {
            world.accounts.put(channel.name(), &account, properties);
            answer(StatusCode::OK, &json!({ "channel": channel.name(), "account": account }))
        }
        Err(wrong) => error(StatusCode::BAD_REQUEST, &format!("the body is not a JSON object: {wrong}")),
    }
}

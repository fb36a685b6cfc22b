//! The call itself: token, method, and everything that sends no message.
//!
//! Answers are `{"ok": true, "result": …}` or `{"ok": false, "error_code", "description", "parameters"?}`.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use super::parameters::{self, Parameters};
use super::{NAME, send};
use crate::accounts::Account;
use crate::http::json as answer;
use crate::media;
use crate::world::{World, now_ms};

const TYPING_MS: u64 = 5_000;

pub(super) fn ok(result: &Value) -> Response {
    answer(StatusCode::OK, &json!({ "ok": true, "result": result }))
}

pub(super) fn error(code: u16, description: &str) -> Response {
    let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &json!({ "ok": false, "error_code": code, "description": description }))
}

pub(super) fn bad_request(reason: &str) -> Response {
    error(400, &format!("Bad Request: {reason}"))
}

pub(super) fn throttled() -> Response {
    let body = json!({
        "ok": false,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": { "retry_after": 1 },
    });
    let mut response = answer(StatusCode::TOO_MANY_REQUESTS, &body);
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

pub(super) async fn call(
    State(world): State<Arc<World>>,
    Path((bot, method)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(token) = bot.strip_prefix("bot").filter(|token| well_formed(token)) else {
        return error(404, "Not Found");
    };
    let account = world.accounts.get(NAME, token);
    let registers = method.eq_ignore_ascii_case("setWebhook");
    if account.is_none() && !registers {
        return error(401, "Unauthorized");
    }
    let parameters = match parameters::read(&world, token, &headers, query.as_deref(), body).await {
        Ok(parameters) => parameters,
        Err(reason) => return bad_request(&reason),
    };
    let Some(account) = account.filter(|_| !registers) else {
        return set_webhook(&world, token, &parameters);
    };
    match method.to_ascii_lowercase().as_str() {
        "getme" => ok(&bot_user(token)),
        "deletewebhook" => {
            let none = [("callback_url", Value::Null), ("secret_token", Value::Null)];
            world.accounts.put(
                NAME,
                token,
                none.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            );
            ok(&true.into())
        }
        "getwebhookinfo" => ok(&webhook_info(&account)),
        "sendchataction" => chat_action(&world, &parameters),
        "answercallbackquery" if parameters.contains_key("callback_query_id") => ok(&true.into()),
        "getfile" => file(&world, token, &parameters),
        _ => send::call(&world, &account, &method, parameters).await,
    }
}

fn well_formed(token: &str) -> bool {
    let parts = token.split_once(':');
    parts.is_some_and(|(id, secret)| {
        !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && !secret.is_empty()
    })
}

pub(super) fn bot_user(token: &str) -> Value {
    let id: u64 = token.split(':').next().and_then(|id| id.parse().ok()).unwrap_or(0);
    json!({ "id": id, "is_bot": true, "first_name": "Sandbox bot", "username": format!("sandbox_{id}_bot"),
        "can_join_groups": true, "can_read_all_group_messages": false, "supports_inline_queries": false })
}

fn set_webhook(world: &World, token: &str, parameters: &Parameters) -> Response {
    let url = parameters.get("url").and_then(Value::as_str).unwrap_or_default();
    if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
        return bad_request("bad webhook: invalid URL specified");
    }
    let secret = parameters.get("secret_token").and_then(Value::as_str).unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if secret.len() > 256 || !secret.bytes().all(allowed) {
        return bad_request("secret token contains unallowed characters");
    }
    let mut changes = Map::new();
    changes.insert("callback_url".to_owned(), if url.is_empty() { Value::Null } else { url.into() });
    changes.insert("secret_token".to_owned(), if secret.is_empty() { Value::Null } else { secret.into() });
    world.accounts.put(NAME, token, changes);
    let body = json!({ "ok": true, "result": true, "description": "Webhook was set" });
    answer(StatusCode::OK, &body)
}

fn webhook_info(account: &Account) -> Value {
    let url = account.text("callback_url").unwrap_or_default();
    json!({ "url": url, "has_custom_certificate": false, "pending_update_count": 0, "max_connections": 40 })
}

fn chat_action(world: &World, parameters: &Parameters) -> Response {
    let Some(chat) = send::chat_id(parameters) else {
        return bad_request("chat_id is empty");
    };
    match parameters.get("action").and_then(Value::as_str) {
        Some("typing") => world.handsets.set_typing(NAME, &chat, now_ms() + TYPING_MS),
        Some(action) if action.starts_with("upload_") || action.starts_with("record_") => {}
        Some("choose_sticker" | "find_location") => {}
        _ => return bad_request("wrong parameter action in request"),
    }
    ok(&true.into())
}

fn file(world: &World, token: &str, parameters: &Parameters) -> Response {
    let id = parameters.get("file_id").and_then(Value::as_str).unwrap_or_default();
    match world.media.get(id).filter(|media| media.account == token) {
        Some(media) => ok(&json!({
            "file_id": id,
            "file_unique_id": format!("u{id}"),
            "file_size": media.bytes.len(),
            "file_path": format!("files/{id}"),
        })),
        None => bad_request("wrong file_id or the file is temporarily unavailable"),
    }
}

pub(super) async fn download(
    State(world): State<Arc<World>>,
    Path((bot, path)): Path<(String, String)>,
) -> Response {
    if let Some(status) = media::refused(&world, NAME, &path) {
        return status.into_response();
    }
    let token = bot.strip_prefix("bot").unwrap_or_default();
    let media = path.strip_prefix("files/").and_then(|id| world.media.get(id));
    match media.filter(|media| media.account == token) {
        Some(media) => ([(CONTENT_TYPE, media.mime.clone())], media.bytes.clone()).into_response(),
        None => error(404, "Not Found"),
    }
}

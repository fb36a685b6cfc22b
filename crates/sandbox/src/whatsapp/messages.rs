//! `POST /{version}/{phone_number_id}/messages`: sends, and the business's read mark with typing indicator.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::errors::{self, GraphError};
use super::{NAME, WhatsApp, authorize, check, webhook};
use crate::accounts::Account;
use crate::handset::Bubble;
use crate::http::{drop_connection, json as answer};
use crate::outcome::{Plan, Verdict};
use crate::receipts;
use crate::world::{Sent, World, now_ms};

const WINDOW_MS: u64 = 24 * 60 * 60 * 1000;
const TYPING_MS: u64 = 25_000;
const ECHO_MAX: usize = 512;

pub(super) async fn send(
    State(world): State<Arc<World>>,
    Path((_version, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let account = match authorize(&world, &id, &headers) {
        Ok(account) => account,
        Err(error) => return error.respond(&world),
    };
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return errors::invalid("The body is not JSON.").respond(&world);
    };
    if request["messaging_product"] != "whatsapp" {
        return errors::invalid("The parameter messaging_product is required.").respond(&world);
    }
    if request["status"] == "read" {
        return read_mark(&world, &request);
    }
    let recipient = recipient(&request);
    let checked = recipient.and_then(|to| {
        check::message(&request, &world.media).and_then(|bubble| {
            let echo = request["biz_opaque_callback_data"].as_str();
            if echo.is_some_and(|echo| echo.chars().count() > ECHO_MAX) {
                return Err(errors::invalid("Param biz_opaque_callback_data is too long."));
            }
            Ok((to, Bubble { echo: echo.map(str::to_owned), ..bubble }))
        })
    });
    match checked {
        Ok((to, bubble)) => accept(&world, &account, &request, to, bubble).await,
        Err(error) => {
            let to = request["to"].as_str().unwrap_or_default().trim_start_matches('+');
            let sent = Sent { recipient: to, text: "", provider_id: "", raw: &request };
            world.record(&WhatsApp, &sent, Plan::refused());
            error.respond(&world)
        }
    }
}

pub(super) async fn success(
    State(world): State<Arc<World>>,
    Path((_version, _id)): Path<(String, String)>,
) -> Response {
    let _ = world;
    answer(StatusCode::OK, &json!({ "success": true }))
}

/// `to` wins over `recipient`, which holds a business-scoped user id.
fn recipient(request: &Value) -> Result<String, GraphError> {
    if request["recipient_type"].as_str().is_some_and(|kind| kind != "individual") {
        return Err(errors::invalid("Param recipient_type must be one of {individual}."));
    }
    if let Some(to) = request["to"].as_str().filter(|to| !to.is_empty()) {
        let digits: String = to.chars().filter(|c| !matches!(c, '+' | ' ' | '-' | '(' | ')')).collect();
        let plausible = digits.bytes().all(|byte| byte.is_ascii_digit()) && (5..=20).contains(&digits.len());
        return if plausible {
            Ok(digits)
        } else {
            Err(errors::bad_value("Param to is not a valid phone number."))
        };
    }
    let user = request["recipient"].as_str().filter(|user| user.contains('.'));
    user.map(str::to_owned).ok_or_else(|| errors::missing("The parameter to is required."))
}

async fn accept(
    world: &Arc<World>,
    account: &Arc<Account>,
    request: &Value,
    to: String,
    mut bubble: Bubble,
) -> Response {
    let id = message_id(world, &to);
    let sent = Sent { recipient: &to, text: &bubble.text, provider_id: &id, raw: request };
    let closed = world.settings.strict_windows && bubble.kind != "template" && !in_window(world, &to);
    let plan = if closed {
        world.record(&WhatsApp, &sent, Plan::fails_later(&world.settings.delays))
    } else {
        world.receive(&WhatsApp, &sent)
    };
    let failure = if closed { webhook::window_closed() } else { webhook::undeliverable() };
    bubble.provider_id.clone_from(&id);
    bubble.account.clone_from(&account.id);
    bubble.silent = plan.silent;
    let report = webhook::Report {
        account: account.id.clone(),
        recipient: to.clone(),
        id: id.clone(),
        echo: bubble.echo.clone(),
        failure: Arc::new(failure),
    };
    let kind = bubble.kind.clone();
    if plan.phone_got {
        world.show(&WhatsApp, &to, None, bubble);
    }
    let shared = world.clone();
    receipts::play(world, &plan, move |status| report.clone().post(shared.clone(), status)).await;
    match plan.verdict {
        Verdict::Accepted => accepted(request, &to, &id, &kind),
        Verdict::Refused => errors::not_reachable().respond(world),
        Verdict::Temporary => errors::unavailable().respond(world),
        Verdict::Throttled => errors::throttled().respond(world),
        Verdict::Hung => std::future::pending().await,
        Verdict::Dropped => drop_connection(),
    }
}

fn accepted(request: &Value, to: &str, id: &str, kind: &str) -> Response {
    let mut message = json!({ "id": id });
    if kind == "template" {
        message["message_status"] = "accepted".into();
    }
    let input = request["to"].as_str().unwrap_or(to);
    let contacts = json!([{ "input": input, "wa_id": to }]);
    let body = json!({ "messaging_product": "whatsapp", "contacts": contacts, "messages": [message] });
    answer(StatusCode::OK, &body)
}

fn in_window(world: &World, to: &str) -> bool {
    let wrote = world.handsets.person_wrote_at_ms(NAME, to);
    wrote.is_some_and(|at| now_ms().saturating_sub(at) < WINDOW_MS)
}

/// As the real ones do, the id carries the other side's number, so that a read mark needs no index.
pub(super) fn message_id(world: &World, identity: &str) -> String {
    format!("wamid.{}", STANDARD_NO_PAD.encode(format!("{identity}|{:x}", world.next_id())))
}

fn read_mark(world: &World, request: &Value) -> Response {
    let id = request["message_id"].as_str().unwrap_or_default();
    let decoded = id.strip_prefix("wamid.").and_then(|rest| STANDARD_NO_PAD.decode(rest).ok());
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((identity, _)) = decoded.as_deref().and_then(|text| text.split_once('|')) else {
        return errors::bad_value("Param message_id is not a valid message ID.").respond(world);
    };
    world.handsets.mark(NAME, identity, id, "read");
    let typing = &request["typing_indicator"];
    if typing["type"] == "text" {
        world.handsets.set_typing(NAME, identity, now_ms() + TYPING_MS);
    } else if !typing.is_null() {
        return errors::invalid("Param typing_indicator['type'] must be one of {text}.").respond(world);
    }
    answer(StatusCode::OK, &json!({ "success": true }))
}

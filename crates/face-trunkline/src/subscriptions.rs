//! `GET /trunkline/v1/subscriptions`: who is told what, and how far each has read.
//!
//! `GET /trunkline/v1/subscriptions/{id}/events`: everything that one subscriber should have had since a cursor, each
//! event with the callback as it would be posted now. Erased content renders as its dialect's tombstone. A program
//! that lost callbacks reads from the last cursor it trusts until `at_end`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use domain::content::Face;
use domain::event::Event;
use domain::id::{Id, SubscriptionId};
use domain::subscription::{CallbackLane, Cursor, Parked, Subscription};
use engine::{Engine, Rendered, domain};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::cursor;
use crate::error::{Refusal, unavailable};
use crate::events::{LIMIT_MAX, parse};
use crate::print;

/// Events of the log looked through for one page.
const WALK_MAX: usize = 5_000;
/// Waiting lanes that are listed with a subscription.
const PARKED_SHOWN_MAX: usize = 100;

/// Answers with the tenant's subscriptions, oldest first.
pub(crate) async fn list(caller: Caller, State(engine): State<Engine>) -> Result<Json<Value>, Refusal> {
    let mut printed = Vec::new();
    for subscription in of(&engine, caller) {
        printed.push(whole(&engine, &subscription).await?);
    }
    Ok(Json(json!({ "subscriptions": printed })))
}

/// Answers with one of them.
pub(crate) async fn read(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    whole(&engine, &*find(&engine, caller, &id)?).await.map(Json)
}

/// A subscription and where it stands.
pub(crate) async fn whole(engine: &Engine, subscription: &Subscription) -> Result<Value, Refusal> {
    let (cursor, parked) = standing(engine, subscription).await?;
    Ok(shown(engine.log_name(), subscription, &cursor, &parked))
}

/// How far a subscription has read, and the lanes that wait.
pub(crate) async fn standing(
    engine: &Engine,
    subscription: &Subscription,
) -> Result<(Cursor, Vec<Arc<Parked>>), Refusal> {
    let (tenant, id) = (subscription.tenant, subscription.id);
    let cursor = engine.get::<Cursor>(tenant, id.0).await.map_err(unavailable)?;
    let parked = engine.parked(tenant, id).await.map_err(unavailable)?;
    Ok((cursor.map(Arc::unwrap_or_clone).unwrap_or_default(), parked))
}

/// Answers with a page of what the subscriber should have had.
pub(crate) async fn events(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let log = engine.log_name();
    let wanted = parse(log, query.as_deref().unwrap_or_default())?;
    let subscription = find(&engine, caller, &id)?;
    let (mut printed, mut next, mut walked) = (Vec::new(), wanted.after, 0);
    let at_end = loop {
        let page = engine.events(caller.tenant, next, LIMIT_MAX).await.map_err(unavailable)?;
        walked += page.len();
        let last = page.len() < LIMIT_MAX;
        for event in page {
            if printed.len() == wanted.limit {
                return Ok(answer(log, printed, next, false));
            }
            next = event.position;
            if engine.hears(&as_enabled(&subscription), &event) {
                let callback = engine.callback(&subscription, event.clone()).await.map_err(unavailable)?;
                printed.extend(callback.map(|callback| with_callback(log, &event, &subscription, &callback)));
            }
        }
        if last || walked >= WALK_MAX {
            break last;
        }
    };
    Ok(answer(log, printed, next, at_end))
}

fn answer(log: Id, events: Vec<Value>, next: u64, at_end: bool) -> Json<Value> {
    Json(json!({ "events": events, "next": cursor::write(log, next), "at_end": at_end }))
}

/// The tenant's subscriptions, oldest first.
pub(crate) fn of(engine: &Engine, caller: Caller) -> Vec<Arc<Subscription>> {
    let mut all: Vec<_> = engine.directory().subscriptions_of(caller.tenant).cloned().collect();
    all.sort_by_key(|one| one.id);
    all
}

/// One of the tenant's.
pub(crate) fn find(engine: &Engine, caller: Caller, id: &str) -> Result<Arc<Subscription>, Refusal> {
    let id = SubscriptionId::parse(id).ok_or(Refusal::NoSuchSubscription)?;
    let directory = engine.directory();
    directory.subscription(caller.tenant, id).cloned().ok_or(Refusal::NoSuchSubscription)
}

/// A subscription that was switched off should still have had what it asked for.
pub(crate) fn as_enabled(subscription: &Subscription) -> Subscription {
    Subscription { enabled: true, ..subscription.clone() }
}

fn with_callback(log: Id, event: &Event, subscription: &Subscription, callback: &Rendered) -> Value {
    let mut printed = print::event(event, &cursor::write(log, event.position));
    let body = serde_json::from_slice::<Value>(&callback.body);
    printed["callback"] = json!({
        "target": callback.target.as_deref().unwrap_or(&subscription.target),
        "body": body.unwrap_or_else(|_| json!(String::from_utf8_lossy(&callback.body))),
    });
    printed
}

/// The first lanes that wait, by when they come up, and how many there are.
pub(crate) fn shown(log: Id, subscription: &Subscription, cursor: &Cursor, parked: &[Arc<Parked>]) -> Value {
    let mut first: Vec<&Arc<Parked>> = parked.iter().collect();
    first.sort_by_key(|parked| parked.next_at);
    let first = first.into_iter().take(PARKED_SHOWN_MAX).map(|parked| {
        let (lane, conversation) = match parked.lane {
            CallbackLane::Conversation(conversation) => ("conversation", conversation),
            CallbackLane::Single(_) => ("single", None),
            CallbackLane::Replay(_, conversation) => ("replay", conversation),
        };
        json!({
            "lane": lane,
            "conversation": conversation.map(|id| id.ulid()),
            "cursor": cursor::write(log, parked.position().saturating_sub(1)),
            "waiting": parked.waiting.len(),
            "attempts": parked.attempts,
            "first_failed_at": print::time(parked.first_failed_at),
            "next_at": print::time(parked.next_at),
        })
    });
    json!({
        "id": subscription.id.ulid(),
        "app": subscription.app.map(|id| id.ulid()),
        "dialect": dialect(subscription.dialect),
        "target": subscription.target,
        "triggers": subscription.triggers,
        "enabled": subscription.enabled,
        "parallel": subscription.parallel,
        "previous_secret_until": subscription.previous.as_ref().map(|previous| print::time(previous.until)),
        "created_at": print::time(subscription.created_at),
        "cursor": cursor::write(log, cursor.position),
        "failing_since": cursor.failing_since.map(print::time),
        "parked_lanes": parked.len(),
        "parked": first.collect::<Vec<Value>>(),
    })
}

fn dialect(face: Face) -> &'static str {
    match face {
        Face::LivePerson => "liveperson",
        Face::Sinch => "sinch",
        Face::LiveDesk => "livedesk",
        Face::Provider => "provider",
        Face::Trunkline => "trunkline",
    }
}

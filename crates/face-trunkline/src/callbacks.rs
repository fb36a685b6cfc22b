//! What became of callbacks: of one event's, for each subscription that is one to hear it, and of a subscription's
//! that were not taken at once (`GET /trunkline/v1/subscriptions/{id}/callbacks`).

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use domain::event::{Event, Fact};
use domain::id::Id;
use domain::subscription::{Callback, CallbackState, Subscription, Try};
use engine::{Engine, Fate, domain};
use serde_json::{Value, json};

use crate::auth::Caller;
use crate::cursor;
use crate::error::{Refusal, unavailable};
use crate::events::parse;
use crate::print;
use crate::subscriptions::{as_enabled, find, of};

/// One entry for each subscription that is one to hear the event.
pub(crate) async fn about(engine: &Engine, caller: Caller, event: &Event) -> Result<Vec<Value>, Refusal> {
    let mut told = Vec::new();
    for subscription in of(engine, caller) {
        if subscription.created_at <= event.at && engine.hears(&as_enabled(&subscription), event) {
            let fate = engine.fate(&subscription, event).await.map_err(unavailable)?;
            told.push(shown(&subscription, event, &fate));
        }
    }
    Ok(told)
}

/// Answers with a page of callbacks that were not taken at once, oldest event first.
pub(crate) async fn list(
    caller: Caller,
    State(engine): State<Engine>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let log = engine.log_name();
    let wanted = parse(log, query.as_deref().unwrap_or_default())?;
    let subscription = find(&engine, caller, &id)?;
    let page =
        engine.callback_records(&subscription, wanted.after, wanted.limit).await.map_err(unavailable)?;
    let next = page.last().map_or(wanted.after, |last| last.position);
    let printed: Vec<Value> = page.iter().map(|callback| whole(log, callback)).collect();
    Ok(Json(json!({ "callbacks": printed, "next": cursor::write(log, next) })))
}

fn shown(subscription: &Subscription, event: &Event, fate: &Fate) -> Value {
    let mut printed =
        json!({ "subscription": subscription.id.ulid(), "target": target(subscription, event) });
    match fate {
        Fate::Waiting => printed["state"] = json!("waiting"),
        Fate::Over => printed["state"] = json!("over"),
        Fate::Taken(one) => {
            printed["state"] = json!("delivered");
            printed["tries"] = json!([{
                "at": print::time(one.at), "took_ms": one.took_ms, "status": one.status,
            }]);
        }
        Fate::Tried(record, waits) => {
            printed["state"] = json!(state(record.state));
            printed["attempts"] = json!(record.count);
            printed["tries"] = tries(record);
            if let Some(waits) = waits {
                printed["next_at"] = print::time(waits.next_at);
            }
        }
    }
    printed
}

fn whole(log: Id, callback: &Callback) -> Value {
    let body = serde_json::from_slice::<Value>(&callback.body);
    json!({
        "cursor": cursor::write(log, callback.position),
        "conversation": callback.conversation.map(|id| id.ulid()),
        "message": callback.message.map(|id| id.ulid()),
        "state": state(callback.state),
        "target": callback.target,
        "body": body.unwrap_or_else(|_| json!(String::from_utf8_lossy(&callback.body))),
        "attempts": callback.count,
        "tries": tries(callback),
    })
}

fn state(state: CallbackState) -> &'static str {
    match state {
        CallbackState::Retrying => "retrying",
        CallbackState::Delivered => "delivered",
        CallbackState::GivenUp => "given_up",
    }
}

/// Tries as recorded; no status where no answer came.
fn tries(callback: &Callback) -> Value {
    let tries = callback.tries.iter().map(|Try { at, took_ms, status, answer }| {
        let status = Some(*status).filter(|status| *status > 0);
        json!({ "at": print::time(*at), "took_ms": took_ms, "status": status, "answer": &**answer })
    });
    tries.collect()
}

/// The message's own callback URL where it has one, which only one subscription hears.
fn target<'a>(subscription: &'a Subscription, event: &'a Event) -> &'a str {
    match &event.fact {
        Fact::DeliveryChanged(change) => change.callback_url.as_deref().unwrap_or(&subscription.target),
        _ => &subscription.target,
    }
}

//! One hand-over: record the attempt, let the connector send, record how it ended.
//! No byte leaves before the attempt is committed.

use std::time::Duration;

use connector_api::Outbound;
use domain::channel::{Channel, Nature};
use domain::command::attempt::{Begin, Begun, Finish, Finished, HandOver, LeaveToCourier};
use domain::content::{Content, Override};
use domain::delivery::{Outcome, Reason, ReasonKind};
use domain::event::Fact;
use domain::id::{Id, MessageId, SubscriptionId};
use domain::job::{Job, Lane};
use domain::message::Message;
use domain::subscription::{CallbackLane, Cursor, Parked};
use domain::time::Time;

use super::gate::{Heard, Pass};
use super::{Ended, UNAVAILABLE_MS, Worked, nature};
use crate::engine::Engine;
use crate::intake::token;
use crate::links::FileLinks;

/// Beyond the channel's own time-out, in milliseconds: a connector that forgot the time.
const GRACE_MS: u64 = 5_000;
/// How often a message that was left to the courier is looked at, in milliseconds.
const CARRIED_MS: i64 = 60_000;

/// Runs a send job once.
pub(super) async fn send(engine: &Engine, job: &Job, message: MessageId, pass: Pass) -> Worked {
    let again = || Ended::Unavailable(engine.now().plus_ms(UNAVAILABLE_MS)).into();
    let Some(_held) = engine.hold(message) else {
        return again();
    };
    let Ok(Some(row)) = engine.get::<Message>(job.tenant, message.0).await else {
        return again();
    };
    let to = row.delivery.as_ref().map(|delivery| delivery.address().clone());
    let channel = to.map_or_else(|| Channel::new(""), |to| to.channel);
    // What has run out of time goes nowhere, and waits for nothing.
    let is_over = row.delivery.as_ref().is_some_and(|delivery| delivery.is_over(engine.now()));
    if !is_over && let Some(ended) = other_way(engine, job, &row, &channel).await {
        return ended.into();
    }
    let nature = Nature { patience_over: pass == Pass::PatienceOver, ..nature(engine, &channel) };
    let begin = Begin { tenant: job.tenant, message, job: Some(job.id), nature };
    let hand_over = match engine.conclude(begin).await {
        Ok(Begun::HandOver(hand_over)) => hand_over,
        Ok(Begun::NotBefore(at)) => return Ended::Again(at, None).into(),
        Ok(Begun::Nothing) => return Ended::Done.into(),
        Err(_) => return again(),
    };
    let outcome = attempt(engine, &hand_over).await;
    count(&channel, &outcome);
    let heard = Some(Heard::from(&outcome));
    let attempt = hand_over.attempt;
    // The bytes have left: how it ended must be recorded, however long the store takes.
    loop {
        let outcome = outcome.clone();
        let finish = Finish { tenant: job.tenant, message, attempt, job: Some(job.id), outcome, nature };
        match engine.conclude(finish).await {
            Ok(Finished::Done) => return Worked { heard, ..Ended::Done.into() },
            Ok(Finished::Again(at, to)) => return Worked { heard, ..Ended::Again(at, Some(to)).into() },
            Err(_) if engine.is_over() => return again(),
            Err(_) => {
                engine.parts().clock.wait_until(engine.now().plus_ms(UNAVAILABLE_MS)).await;
            }
        }
    }
}

/// How the job ends before an attempt is begun, if it does.
async fn other_way(engine: &Engine, job: &Job, row: &Message, channel: &Channel) -> Option<Ended> {
    if job.lane == Lane::None && !channel.is_face() {
        // It only looks after a message left to a callback, and that has gone on, with a job of its own.
        return Some(leave(engine, job, row.id).await);
    }
    let again = || Some(Ended::Unavailable(engine.now().plus_ms(UNAVAILABLE_MS)));
    if let Some(delivery) = row.delivery.as_ref().filter(|delivery| delivery.is_queued()) {
        let to = delivery.address();
        if job.to.as_ref() != Some(to) {
            // Its turn was another sender's.
            return Some(Ended::Elsewhere(to.clone()));
        }
        if engine.delivery_is_paused() {
            return again();
        }
    }
    if channel.is_face() {
        match is_carried(engine, row, channel).await {
            Ok(true) => return Some(leave(engine, job, row.id).await),
            Ok(false) => {}
            Err(_) => return again(),
        }
    }
    None
}

/// The courier's callback is the attempt. The message is looked at again, outside its lane, in case no callback comes.
async fn leave(engine: &Engine, job: &Job, message: MessageId) -> Ended {
    let look_at = engine.now().plus_ms(CARRIED_MS);
    let leave = LeaveToCourier { tenant: job.tenant, message, job: job.id, look_at };
    match engine.conclude(leave).await {
        Ok(()) => Ended::Done,
        Err(_) => Ended::Unavailable(engine.now().plus_ms(UNAVAILABLE_MS)),
    }
}

/// Whether a subscription that carries this channel still has the message's submission before it: ahead of its
/// cursor, or in a lane that is parked. One that was made later, or has gone by, will not carry it.
async fn is_carried(engine: &Engine, message: &Message, channel: &Channel) -> Result<bool, ports::Error> {
    let directory = engine.directory();
    let carriers: Vec<Id> = directory
        .subscriptions_of(message.tenant)
        .filter(|one| one.enabled && one.carries.as_ref() == Some(channel))
        .filter(|one| one.app.is_none_or(|app| app == message.app))
        .map(|one| one.id.0)
        .collect();
    if carriers.is_empty() {
        return Ok(false);
    }
    let told = engine.events_of_message(message.tenant, message.id.0).await?;
    let Some(told) = told.into_iter().find(|event| event.fact == Fact::MessageSubmitted) else {
        return Ok(false);
    };
    let cursors = engine.get_all::<Cursor>(message.tenant, &carriers).await?;
    if cursors.iter().any(|cursor| cursor.position < told.position) {
        return Ok(true);
    }
    let lanes = [CallbackLane::Conversation(message.conversation), CallbackLane::Single(told.position)];
    for carrier in carriers {
        for lane in lanes {
            let key = Parked::key(message.tenant, SubscriptionId(carrier), lane);
            let parked = engine.row::<Parked>(key).await?;
            if parked.is_some_and(|parked| parked.position() <= told.position) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What the channel says. Never fails: whatever happens is an outcome.
async fn attempt(engine: &Engine, hand_over: &HandOver) -> Outcome {
    let channel = &hand_over.to.channel;
    if channel.is_face() {
        return without_subscriber(channel);
    }
    let refused = |words: &str| Outcome::Refused(Reason::new(ReasonKind::ChannelBadConfiguration, words));
    let Some(connector) = engine.connector(channel.as_str()) else {
        return refused("this server does not know the channel");
    };
    let Some(line) = engine.line(&hand_over.app, channel) else {
        return refused("the channel is not configured in the app");
    };
    let outbound = outbound(hand_over, engine.links(), engine.now());
    let timeout = Duration::from_millis(connector.abilities().answer_timeout_ms + GRACE_MS);
    // A task of its own, so that a panic in one connector does not stop the others.
    let sending =
        tokio::spawn(async move { tokio::time::timeout(timeout, connector.send(&line, &outbound)).await });
    match sending.await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Outcome::Unknown { parts: Vec::new() },
        Err(error) => {
            tracing::error!(%error, channel = channel.as_str(), "a connector panicked");
            Outcome::Unknown { parts: Vec::new() }
        }
    }
}

/// A face channel that nobody listens on: an API inbox keeps the message for whoever reads it there; a connector
/// has no way to its consumer.
fn without_subscriber(channel: &Channel) -> Outcome {
    if channel.as_str() == Channel::API {
        return Outcome::Accepted { parts: Vec::new() };
    }
    let words = "no webhook endpoint is registered for this connector";
    Outcome::Refused(Reason::new(ReasonKind::ChannelBadConfiguration, words))
}

fn outbound(hand_over: &HandOver, links: &FileLinks, now: Time) -> Outbound {
    let content = &hand_over.content;
    let (mut content, raw) = match content.override_for(&hand_over.to.channel) {
        Some(Override::Body(body)) => (Content { body: body.clone(), ..Content::clone(content) }, None),
        Some(Override::Raw(json)) => (Content::clone(content), Some(json.as_str().into())),
        None => (Content::clone(content), None),
    };
    for media in content.body.media_mut() {
        if let Some(file) = media.file.filter(|_| media.url.is_empty()) {
            media.url = links.url(hand_over.message.tenant, file, now);
        }
    }
    let delivery = hand_over.message.delivery.as_ref();
    let expires_at = delivery.map_or(Time::NEVER, |delivery| delivery.expires_at);
    let limited = expires_at < Time::NEVER;
    // What a later attempt learned of the parts never makes an earlier one's knowledge less.
    let parts_done = delivery
        .into_iter()
        .flat_map(|delivery| delivery.attempts.iter().filter(|earlier| earlier.leg == delivery.leg))
        .filter_map(|earlier| match &earlier.outcome {
            Some(Outcome::Unknown { parts }) => Some(parts.clone()),
            _ => None,
        })
        .max_by_key(Vec::len);
    Outbound {
        token: token(hand_over.message.id, hand_over.attempt),
        to: hand_over.to.clone(),
        content,
        raw,
        reply_to: hand_over.reply_to.clone(),
        ttl_s: limited.then(|| (expires_at.since_ms(now) / 1000).max(1)),
        parts_done: parts_done.unwrap_or_default(),
    }
}

fn count(channel: &Channel, outcome: &Outcome) {
    let outcome = match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Refused(_) => "refused",
        Outcome::Temporary { .. } => "temporary",
        Outcome::Unknown { .. } => "unknown",
    };
    let channel = channel.as_str().to_owned();
    metrics::counter!("trunkline_attempts_total", "channel" => channel, "outcome" => outcome).increment(1);
}

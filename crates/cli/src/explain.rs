//! What became of a message, step by step, in sentences.
//! It tells what happened and why, never what the message says.

use domain::content::Content;
use domain::delivery::{Delivery, Outcome, Phase, Reason, Status, Step, StepKind};
use domain::event::{Event, Fact};
use domain::id::{Id, MessageId};
use domain::message::{Direction, Message};
use domain::tenant::{File, Presence};
use domain::time::Time;
use engine::Engine;

use crate::keys::face_name;
use crate::request::AdminAnswer;

/// Explains a message of any tenant.
pub(crate) async fn explain(engine: &Engine, message: &str) -> Result<AdminAnswer, String> {
    let id =
        MessageId::parse(message).ok_or_else(|| format!("{message:?} is no message id: UUID or ULID."))?;
    let directory = engine.directory();
    for tenant in directory.tenants() {
        let found = engine.get::<Message>(tenant.id, id.0).await;
        let found = found.map_err(|error| format!("The message could not be read: {error}."))?;
        if let Some(found) = found {
            let mut sentences = vec![introduction(&found, &tenant.name)];
            match &found.delivery {
                Some(delivery) => journey(delivery, &mut sentences),
                None => {
                    sentences.push("It goes to no channel, so there is no delivery to follow.".to_owned());
                    sentences.extend(files(engine, &found).await?);
                }
            }
            return Ok(AdminAnswer::Explanation { sentences });
        }
    }
    Err(format!("There is no message {message}."))
}

/// What the log says of the files that came with a message, and which are still on their way.
async fn files(engine: &Engine, message: &Message) -> Result<Vec<String>, String> {
    let unreadable = |error| format!("The message's files could not be read: {error}.");
    let events = engine.events_of_message(message.tenant, message.id.0).await.map_err(unreadable)?;
    let mut sentences: Vec<String> = events.iter().filter_map(fetched).collect();
    let content = engine.get::<Content>(message.tenant, message.id.0).await.map_err(unreadable)?;
    let media = content.as_ref().map(|content| content.body.media()).unwrap_or_default();
    let ids: Vec<Id> = media.into_iter().filter_map(|media| media.file.map(|file| file.0)).collect();
    for file in engine.get_all::<File>(message.tenant, &ids).await.map_err(unreadable)? {
        if let Presence::Awaited(awaited) = &file.presence {
            let (id, tries) = (file.id.uuid(), awaited.tries);
            sentences.push(format!("Now: file {id} is still at its provider, tried in vain {tries} times."));
        }
    }
    Ok(sentences)
}

fn fetched(event: &Event) -> Option<String> {
    let at = moment(event.at);
    match &event.fact {
        Fact::FileFetched { file } => Some(format!("{at}: file {} was fetched and kept.", file.uuid())),
        Fact::FileLost { file, reason } => {
            Some(format!("{at}: file {} could not be fetched: {}.", file.uuid(), words(reason)))
        }
        _ => None,
    }
}

fn introduction(message: &Message, tenant: &str) -> String {
    let way = match message.direction {
        Direction::Inbound => "came in from",
        Direction::Outbound => "was submitted through",
    };
    let channel = message.address.as_ref().map(|address| format!(" on {}", address.channel.as_str()));
    let (id, at, face) = (message.id.uuid(), moment(message.accepted_at), face_name(message.face));
    format!("{at}: message {id} of {tenant:?} {way} {face}{}.", channel.unwrap_or_default())
}

fn journey(delivery: &Delivery, sentences: &mut Vec<String>) {
    let plan: Vec<&str> = delivery.plan.iter().map(|address| address.channel.as_str()).collect();
    sentences.push(format!("Its plan: {}.", plan.join(", then ")));
    sentences.extend(delivery.steps.iter().map(|step| sentence(delivery, step)));
    let status = status(delivery.status);
    sentences.push(match delivery.phase {
        Phase::Waiting { not_before } => {
            format!("Now: {status}; waiting for its turn, not before {}.", moment(not_before))
        }
        Phase::Attempting => {
            format!("Now: {status}; a hand-over to {} is open.", channel(delivery, delivery.leg))
        }
        Phase::HandedOver => format!("Now: {status}; {} may still report.", channel(delivery, delivery.leg)),
        Phase::Held { until } => {
            format!("Now: {status}; whether the channel has it is unknown, held until {}.", moment(until))
        }
        Phase::Done => format!("In the end: {status}."),
    });
}

fn sentence(delivery: &Delivery, step: &Step) -> String {
    let by = |number: &u32| {
        let attempt = delivery.attempts.iter().find(|attempt| attempt.number == *number);
        attempt.map_or("the channel", |attempt| channel(delivery, attempt.leg))
    };
    let what = match &step.what {
        StepKind::Planned => "accepted and planned".to_owned(),
        StepKind::AttemptStarted { attempt } => format!("attempt {attempt} to {} started", by(attempt)),
        StepKind::Accepted { attempt } => {
            format!("{} took attempt {attempt}{}", by(attempt), parts(delivery, *attempt))
        }
        StepKind::Refused { attempt, reason } => {
            format!("{} refused attempt {attempt} for good: {}", by(attempt), words(reason))
        }
        StepKind::WillRetry { attempt, at, reason } => {
            let at = moment(*at);
            format!("attempt {attempt} to {} failed for now, next try {at}: {}", by(attempt), words(reason))
        }
        StepKind::OutcomeUnknown { attempt } => {
            format!("attempt {attempt} to {} went out and no answer came", by(attempt))
        }
        StepKind::Switched { to_leg } => format!("switched to {}", channel(delivery, *to_leg)),
        StepKind::Receipt { attempt, status: said, reason } => {
            let why = reason.as_ref().map(|reason| format!(": {}", words(reason))).unwrap_or_default();
            format!("{} reported attempt {attempt} as {}{why}", by(attempt), status(*said))
        }
        StepKind::Expired => "its time to live ran out".to_owned(),
        StepKind::FoundOverdue => {
            "the watchdog found that its time was over and nothing had come of it".to_owned()
        }
        StepKind::GaveUp { reason } => format!("given up: {}", words(reason)),
    };
    format!("{}: {what}.", moment(step.at))
}

fn parts(delivery: &Delivery, number: u32) -> String {
    let attempt = delivery.attempts.iter().find(|attempt| attempt.number == number);
    match attempt.and_then(|attempt| attempt.outcome.as_ref()) {
        Some(Outcome::Accepted { parts }) if !parts.is_empty() => format!(" as {}", parts.join(", ")),
        _ => String::new(),
    }
}

fn channel(delivery: &Delivery, leg: usize) -> &str {
    delivery.plan.get(leg).map_or("a channel that is gone", |address| address.channel.as_str())
}

fn words(reason: &Reason) -> String {
    let code = if reason.channel_code.is_empty() {
        String::new()
    } else {
        format!(", code {}", reason.channel_code)
    };
    format!("{:?}, {}{code}", reason.kind, reason.description.trim_end_matches('.'))
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::SwitchingChannel => "switching channel",
        Status::HandedOver => "handed over",
        Status::Failed => "failed",
        Status::Delivered => "delivered",
        Status::Read => "read",
    }
}

fn moment(time: Time) -> String {
    let stamp = jiff::Timestamp::from_millisecond(time.0);
    stamp.map_or_else(|_| "never".to_owned(), |stamp| format!("{stamp:.3}"))
}

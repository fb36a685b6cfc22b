//! What time does to messages: their life may be over, their content is to be erased, their facts forgotten.

use std::sync::Arc;

use super::{Command, fetch, settle};
use crate::app::App;
use crate::content::Content;
use crate::delivery::{Attempt, Delivery, Outcome};
use crate::id::{JobId, MessageId, TenantId};
use crate::message::Message;
use crate::record::{Key, Pointer};
use crate::time::Time;
use crate::view::{Halt, View};

/// How long a dispatch message's facts outlive its content, in seconds.
pub const FACTS_KEPT_S: i64 = 7 * 86_400;

/// Looks whether some patience with a message's channel, or its time-to-live, is over.
#[derive(Clone, Debug)]
pub struct Expire {
    pub tenant: TenantId,
    pub message: MessageId,
    pub job: JobId,
}

impl Command for Expire {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.finish_job(self.job);
        match timed(view, self.tenant, self.message)? {
            Some(message) => run_out(view, message),
            None => Ok(()),
        }
    }
}

/// The message, with what is needed if time moves it.
pub(super) fn timed<R>(
    view: &mut View<'_>,
    tenant: TenantId,
    message: MessageId,
) -> Result<Option<Message>, Halt<R>> {
    let Some(message) = view.by_id::<Message, R>(tenant, message.0)? else {
        return Ok(None);
    };
    view.want(&[Key::id::<App>(tenant, message.app.0), Key::queue(tenant, message.app)])?;
    Ok(Some(Arc::unwrap_or_clone(message)))
}

/// Lets time move a journey.
pub(super) fn run_out<R>(view: &mut View<'_>, mut message: Message) -> Result<(), Halt<R>> {
    let Some(delivery) = message.delivery.as_mut() else {
        return Ok(());
    };
    let waited = delivery.is_queued();
    let Some(moved) = delivery.expire(view.now()) else {
        return Ok(());
    };
    let again = delivery.is_queued() && !waited;
    settle::settle(view, &mut message, &[moved])?;
    if again {
        settle::send_again(view, &message);
    }
    Ok(())
}

/// Erases a message's content and forgets the files that it names, whose bytes must be gone by then. A message of no
/// conversation is forgotten altogether some days after that.
#[derive(Clone, Debug)]
pub struct Erase {
    pub tenant: TenantId,
    pub message: MessageId,
    pub job: JobId,
}

impl Command for Erase {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.finish_job(self.job);
        let content = Key::id::<Content>(self.tenant, self.message.0);
        view.want(&[Key::id::<Message>(self.tenant, self.message.0), content.clone()])?;
        let Some(message) = view.by_id::<Message, _>(self.tenant, self.message.0)? else {
            return Ok(());
        };
        let now = view.now();
        if let Some(own) = view.get::<Content, _>(&content)? {
            fetch::forget(view, self.tenant, &own)?;
            view.delete(content);
            if message.conversation.is_none() {
                settle::erase_at(view, &message, now.plus_s(FACTS_KEPT_S));
            }
            return Ok(());
        }
        if message.conversation.is_some() {
            return Ok(());
        }
        let forget_at = last_moved(&message).plus_s(FACTS_KEPT_S);
        if now < forget_at {
            settle::erase_at(view, &message, forget_at);
            return Ok(());
        }
        forget(view, &message)
    }
}

fn last_moved(message: &Message) -> Time {
    let steps = message.delivery.as_ref().map(|delivery| &delivery.steps);
    steps.and_then(|steps| steps.last()).map_or(message.accepted_at, |step| step.at)
}

/// Drops the message's row and what points to it.
fn forget<R>(view: &mut View<'_>, message: &Message) -> Result<(), Halt<R>> {
    let tenant = message.tenant;
    let mut pointers = Vec::new();
    for (attempt, channel) in message.delivery.iter().flat_map(attempts) {
        if let Some(Outcome::Accepted { parts } | Outcome::Unknown { parts }) = &attempt.outcome {
            pointers.extend(parts.iter().map(|part| Key::provider_id(tenant, message.app, channel, part)));
        }
    }
    view.want(&pointers)?;
    for pointer in pointers {
        // Providers reuse their ids: one that names a newer message stays.
        if view.get::<Pointer, R>(&pointer)?.is_some_and(|own| own.target == message.id.0) {
            view.delete(pointer);
        }
    }
    view.delete(Key::id::<Message>(tenant, message.id.0));
    Ok(())
}

fn attempts(delivery: &Delivery) -> impl Iterator<Item = (&Attempt, &str)> {
    delivery.attempts.iter().map(|attempt| (attempt, delivery.plan[attempt.leg].channel.as_str()))
}

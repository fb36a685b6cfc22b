//! Attempts: recorded before bytes leave, finished with what the channel said, expired when time is over.
//!
//! The engine's runner does what the answers say; everything that the world learns about a journey is decided here.

use std::sync::Arc;

use super::Command;
use super::thread;
use crate::app::{App, UnknownPolicy};
use crate::channel::Address;
use crate::consent::Consent;
use crate::content::Content;
use crate::delivery::{Delivery, Moved, Outcome, Phase, Priority, Reason, ReasonKind, Status};
use crate::event::{DeliveryChange, Fact};
use crate::id::{JobId, MessageId, TenantId};
use crate::job::{Lane, Work};
use crate::message::Message;
use crate::record::{EarlyReceipts, Key, Pointer};
use crate::time::Time;
use crate::view::{About, Halt, View};

/// Opens an attempt for a message whose send job came up.
#[derive(Clone, Debug)]
pub struct Begin {
    pub tenant: TenantId,
    pub message: MessageId,
    /// `None` when the courier carries the message in a callback.
    pub job: Option<JobId>,
    /// What holds for an attempt that a crash left open, where the app says nothing.
    pub default_policy: UnknownPolicy,
}

/// What the runner does next.
#[derive(Clone, Debug)]
pub enum Begun {
    /// Hand it over: everything needed is here.
    HandOver(HandOver),
    /// Not before this moment; the job stays.
    NotBefore(Time),
    /// Nothing left to do; the job is gone.
    Nothing,
}

/// An open attempt.
#[derive(Clone, Debug)]
pub struct HandOver {
    pub app: Arc<App>,
    pub message: Arc<Message>,
    pub content: Arc<Content>,
    pub attempt: u32,
    pub to: Address,
    /// The provider's id of the message it answers, on the same channel.
    pub reply_to: Option<Arc<str>>,
}

impl Command for Begin {
    type Answer = Begun;
    type Refusal = std::convert::Infallible;

    fn decide(&self, view: &mut View<'_>) -> Result<Begun, Halt<Self::Refusal>> {
        let tenant = self.tenant;
        view.want(&[Key::id::<Message>(tenant, self.message.0), Key::id::<Content>(tenant, self.message.0)])?;
        let message = view.by_id::<Message, _>(tenant, self.message.0)?;
        let content = view.by_id::<Content, _>(tenant, self.message.0)?;
        let (Some(message), Some(content)) = (message, content) else {
            return Ok(self.nothing(view));
        };
        let Some(delivery) = message.delivery.clone() else {
            return Ok(self.nothing(view));
        };
        if delivery.phase == Phase::Attempting {
            return self.recover(view, Arc::unwrap_or_clone(message));
        }
        if let Phase::Waiting { not_before } = delivery.phase
            && not_before > view.now()
        {
            return Ok(Begun::NotBefore(not_before));
        }
        let to = delivery.address().clone();
        let consent = Key::consent(tenant, message.app, &to);
        view.want(&[Key::id::<App>(tenant, message.app.0), consent.clone()])?;
        let app = thread::app::<Self::Refusal>(view, tenant, message.app)?;
        let allowed = view.get::<Consent, _>(&consent)?.is_none_or(|consent| consent.allows(message.class));
        let reply_to = answered(view, &message, &to)?;
        let mut message = Arc::unwrap_or_clone(message);
        let mut delivery = delivery;
        if let Some(reason) = obstacle(app.as_deref(), &to, allowed) {
            let moved = delivery.give_up(reason, view.now());
            message.delivery = Some(delivery);
            settle(view, &mut message, &moved, self.job);
            return Ok(Begun::Nothing);
        }
        let moved = delivery.expire(view.now());
        if moved != Moved::Nothing {
            message.delivery = Some(delivery);
            settle(view, &mut message, &moved, self.job);
            return Ok(Begun::Nothing);
        }
        let (Some(attempt), Some(app)) = (delivery.begin(view.now()), app) else {
            return Ok(self.nothing(view));
        };
        message.address = Some(to.clone());
        message.delivery = Some(delivery);
        thread::put_message(view, message.clone());
        let message = Arc::new(message);
        Ok(Begun::HandOver(HandOver { app, message, content, attempt, to, reply_to }))
    }
}

impl Begin {
    fn nothing(&self, view: &mut View<'_>) -> Begun {
        self.job.into_iter().for_each(|job| view.finish_job(job));
        Begun::Nothing
    }

    /// An attempt is open although nobody holds it: the process died between its first byte and its answer. The
    /// outcome is unknown, never "not tried". A callback that carries a message simply goes on.
    fn recover<R>(&self, view: &mut View<'_>, mut message: Message) -> Result<Begun, Halt<R>> {
        let app = thread::app::<R>(view, self.tenant, message.app)?;
        let policy = app.as_ref().and_then(|app| app.unknown_policy).unwrap_or(self.default_policy);
        let Some(mut delivery) = message.delivery.take() else {
            return Ok(self.nothing(view));
        };
        if self.job.is_none() {
            let content = view.by_id::<Content, R>(self.tenant, message.id.0)?;
            let (attempt, to) = (delivery.attempt_number(), delivery.address().clone());
            message.delivery = Some(delivery);
            let message = Arc::new(message);
            return Ok(match (app, content) {
                (Some(app), Some(content)) => {
                    Begun::HandOver(HandOver { app, message, content, attempt, to, reply_to: None })
                }
                _ => Begun::Nothing,
            });
        }
        let now = view.now();
        let moved =
            delivery.finish(delivery.attempt_number(), Outcome::Unknown { parts: Vec::new() }, policy, now);
        message.delivery = Some(delivery);
        let again = match &moved {
            Moved::RetryAt(at) => Some(*at),
            Moved::Switched(_) => Some(now),
            _ => None,
        };
        settle(view, &mut message, &moved, self.job.filter(|_| again.is_none()));
        if let Moved::Held(until) = moved {
            watch_held(view, &message, until);
        }
        Ok(again.map_or(Begun::Nothing, Begun::NotBefore))
    }
}

/// Looks at a held attempt when its patience is over.
fn watch_held(view: &mut View<'_>, message: &Message, until: Time) {
    let work = Work::Expire { message: message.id };
    view.schedule(message.tenant, message.app, until, Lane::None, Priority::Normal, work);
}

/// The runner leaves a message to the courier, whose callback carries it: the job is done, no attempt began.
#[derive(Clone, Debug)]
pub struct LeaveToCourier {
    pub job: JobId,
}

impl Command for LeaveToCourier {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.finish_job(self.job);
        Ok(())
    }
}

/// Why this channel must not be tried, if so.
fn obstacle(app: Option<&App>, to: &Address, allowed: bool) -> Option<Reason> {
    let Some(app) = app else {
        return Some(Reason::new(ReasonKind::Internal, "the app is gone"));
    };
    if !allowed {
        return Some(Reason::new(ReasonKind::RecipientNotOptedIn, "the recipient opted out"));
    }
    if !to.channel.is_face() && app.account(&to.channel).is_none() {
        return Some(Reason::new(
            ReasonKind::ChannelBadConfiguration,
            "the channel is not configured in the app",
        ));
    }
    None
}

fn answered<R>(view: &mut View<'_>, message: &Message, to: &Address) -> Result<Option<Arc<str>>, Halt<R>> {
    let Some(id) = message.reply_to else {
        return Ok(None);
    };
    let Some(answered) = view.by_id::<Message, R>(message.tenant, id.0)? else {
        return Ok(None);
    };
    if answered.address.as_ref().is_none_or(|address| address.channel != to.channel) {
        return Ok(None);
    }
    let accepted = answered.delivery.as_ref().and_then(|delivery| {
        delivery.attempts.iter().rev().find_map(|attempt| match &attempt.outcome {
            Some(Outcome::Accepted { parts }) => parts.first().cloned(),
            _ => None,
        })
    });
    Ok(accepted.or_else(|| (!answered.source_id.is_empty()).then(|| Arc::from(answered.source_id.as_str()))))
}

/// Records how an attempt ended.
#[derive(Clone, Debug)]
pub struct Finish {
    pub tenant: TenantId,
    pub message: MessageId,
    pub attempt: u32,
    /// `None` when the courier carried the message.
    pub job: Option<JobId>,
    pub outcome: Outcome,
    /// What holds where the app says nothing.
    pub default_policy: UnknownPolicy,
}

/// What the runner does with the lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The job is done; the lane moves on.
    Done,
    /// The same job again, not before this moment.
    Again(Time),
}

impl Command for Finish {
    type Answer = Finished;
    type Refusal = std::convert::Infallible;

    fn decide(&self, view: &mut View<'_>) -> Result<Finished, Halt<Self::Refusal>> {
        let tenant = self.tenant;
        let Some(message) = view.by_id::<Message, _>(tenant, self.message.0)? else {
            return Ok(self.done(view));
        };
        let mut message = Arc::unwrap_or_clone(message);
        let app = thread::app::<Self::Refusal>(view, tenant, message.app)?;
        let policy = app.and_then(|app| app.unknown_policy).unwrap_or(self.default_policy);
        let Some(mut delivery) = message.delivery.take() else {
            return Ok(self.done(view));
        };
        let now = view.now();
        let moved = delivery.finish(self.attempt, self.outcome.clone(), policy, now);
        let joined = self.join_early(view, &message, &mut delivery)?;
        message.delivery = Some(delivery);
        let again = matches!(moved, Moved::RetryAt(_) | Moved::Switched(_));
        settle(view, &mut message, &moved, self.job.filter(|_| !again));
        if let Moved::Held(until) = moved {
            watch_held(view, &message, until);
        }
        if again && self.job.is_none() {
            send_again(view, &message);
        }
        if moved == Moved::HandedOver {
            reached(view, &message)?;
        }
        for moved in joined {
            settle(view, &mut message, &moved, None);
        }
        Ok(match (moved, message.delivery.as_ref().map(|delivery| delivery.phase)) {
            (Moved::RetryAt(at), _) => Finished::Again(at),
            (Moved::Switched(_), _) => Finished::Again(now),
            (_, Some(Phase::Waiting { not_before })) => Finished::Again(not_before),
            _ => Finished::Done,
        })
    }
}

impl Finish {
    fn done(&self, view: &mut View<'_>) -> Finished {
        self.job.into_iter().for_each(|job| view.finish_job(job));
        Finished::Done
    }

    /// Makes the provider's ids known, and takes the receipts that came before they were.
    fn join_early<R>(
        &self,
        view: &mut View<'_>,
        message: &Message,
        delivery: &mut Delivery,
    ) -> Result<Vec<Moved>, Halt<R>> {
        let (Outcome::Accepted { parts } | Outcome::Unknown { parts }) = &self.outcome else {
            return Ok(Vec::new());
        };
        let Some(attempt) = delivery.attempts.iter().find(|attempt| attempt.number == self.attempt) else {
            return Ok(Vec::new());
        };
        let channel = delivery.plan[attempt.leg].channel.clone();
        let channel = channel.as_str();
        let early = |part: &str| Key::early_receipts(self.tenant, message.app, channel, part);
        view.want(&parts.iter().map(|part| early(part)).collect::<Vec<_>>())?;
        let mut moved = Vec::new();
        for part in parts {
            let pointer = Pointer { target: message.id.0, attempt: self.attempt };
            view.put(Key::provider_id(self.tenant, message.app, channel, part), pointer);
            if let Some(kept) = view.get::<EarlyReceipts, R>(&early(part))? {
                for receipt in &kept.receipts {
                    moved.push(delivery.receipt(self.attempt, part, receipt.clone(), view.now()));
                }
                view.delete(early(part));
            }
        }
        Ok(moved)
    }
}

/// The conversation now speaks on the channel that took the message.
fn reached<R>(view: &mut View<'_>, message: &Message) -> Result<(), Halt<R>> {
    let Some(id) = message.conversation else {
        return Ok(());
    };
    let Some(delivery) = &message.delivery else {
        return Ok(());
    };
    let address = delivery.address().clone();
    if let Some(mut conversation) = thread::conversation(view, message.tenant, id)?
        && conversation.address.as_ref() != Some(&address)
    {
        conversation.address = Some(address);
        thread::put_conversation(view, conversation);
    }
    Ok(())
}

/// Looks whether a message's time is over.
#[derive(Clone, Debug)]
pub struct Expire {
    pub tenant: TenantId,
    pub message: MessageId,
    pub job: JobId,
}

impl Command for Expire {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.finish_job(self.job);
        let Some(message) = view.by_id::<Message, _>(self.tenant, self.message.0)? else {
            return Ok(());
        };
        let mut message = Arc::unwrap_or_clone(message);
        let Some(mut delivery) = message.delivery.take() else {
            return Ok(());
        };
        // A message that a channel has is that channel's to expire; we only stop what still waits with us.
        let waits = matches!(delivery.phase, Phase::Waiting { .. } | Phase::Held { .. });
        let moved = if waits { delivery.expire(view.now()) } else { Moved::Nothing };
        message.delivery = Some(delivery);
        settle(view, &mut message, &moved, None);
        Ok(())
    }
}

/// Erases a message's content and addresses; facts stay.
#[derive(Clone, Debug)]
pub struct Erase {
    pub tenant: TenantId,
    pub message: MessageId,
    pub job: JobId,
}

impl Command for Erase {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.finish_job(self.job);
        view.delete(Key::id::<Content>(self.tenant, self.message.0));
        Ok(())
    }
}

/// Writes the message, tells the log what moved, and drops the job that is done.
pub(super) fn settle(view: &mut View<'_>, message: &mut Message, moved: &Moved, done: Option<JobId>) {
    if let Some(job) = done {
        view.finish_job(job);
    }
    tell(view, message, moved);
    if let Some(delivery) = &message.delivery {
        message.address = Some(delivery.address().clone());
    }
    thread::put_message(view, message.clone());
}

/// The fact that a journey moved, if an outsider would notice.
pub(super) fn tell(view: &mut View<'_>, message: &Message, moved: &Moved) {
    let Some(delivery) = &message.delivery else { return };
    let change = |status, address: &Address, reason| {
        Fact::DeliveryChanged(DeliveryChange {
            status,
            address: address.clone(),
            reason,
            callback_url: delivery.callback_url.as_deref().map(Arc::from),
        })
    };
    let current = delivery.address();
    let fact = match moved {
        Moved::Nothing | Moved::RetryAt(_) | Moved::Held(_) => return,
        Moved::HandedOver => change(Status::HandedOver, current, None),
        Moved::Switched(reason) => {
            let left = &delivery.plan[delivery.leg.saturating_sub(1)];
            change(Status::SwitchingChannel, left, Some(reason.clone()))
        }
        Moved::Failed(reason) => change(Status::Failed, current, Some(reason.clone())),
        Moved::Advanced(status) => change(*status, current, None),
    };
    let (app, contact) = (Some(message.app), message.contact);
    let about = About { app, contact, conversation: message.conversation, message: Some(message.id) };
    view.emit(message.tenant, about, fact);
}

/// Makes a send job for a message that a receipt sent to its next channel.
pub(super) fn send_again(view: &mut View<'_>, message: &Message) {
    let Some(delivery) = &message.delivery else { return };
    let lane = match message.conversation {
        Some(conversation) => Lane::Conversation(conversation),
        None => Lane::Recipient(message.app, delivery.plan[0].clone()),
    };
    let work = Work::Send { message: message.id };
    view.schedule(message.tenant, message.app, view.now(), lane, delivery.priority, work);
}

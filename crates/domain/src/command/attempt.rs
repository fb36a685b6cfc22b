//! Attempts: recorded before bytes leave, finished with what the channel said.
//!
//! The engine's runner does what the answers say; everything that the world learns about a journey is decided here.

use std::sync::Arc;

use super::{Command, settle, thread};
use crate::app::App;
use crate::channel::{Address, Nature};
use crate::consent::Consent;
use crate::content::Content;
use crate::conversation::Conversation;
use crate::delivery::{Delivery, Moved, Outcome, Phase, Reason, ReasonKind, Rules};
use crate::id::{JobId, MessageId, TenantId};
use crate::job::Lane;
use crate::message::Message;
use crate::record::{EarlyReceipts, Key, Pointer};
use crate::time::Time;
use crate::view::{Halt, View};

/// Opens an attempt for a message whose send job came up.
#[derive(Clone, Debug)]
pub struct Begin {
    pub tenant: TenantId,
    pub message: MessageId,
    /// `None` when the courier carries the message in a callback.
    pub job: Option<JobId>,
    pub nature: Nature,
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

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Begun, Halt<Self::Refusal>> {
        let tenant = self.tenant;
        view.want(&[Key::id::<Message>(tenant, self.message.0), Key::id::<Content>(tenant, self.message.0)])?;
        let message = view.by_id::<Message, _>(tenant, self.message.0)?;
        let content = view.by_id::<Content, _>(tenant, self.message.0)?;
        let Some((message, delivery)) =
            message.as_ref().and_then(|message| Some((message, message.delivery.as_ref()?)))
        else {
            return Ok(self.nothing(view));
        };
        // Before anything else is looked at: a job that comes up twice never touches what is under way.
        match delivery.phase {
            Phase::Waiting { not_before } if not_before > view.now() && !delivery.is_over(view.now()) => {
                Ok(Begun::NotBefore(not_before))
            }
            Phase::Waiting { .. } => self.open(view, message, delivery, content),
            Phase::Attempting if self.job.is_some() => self.recover(view, Message::clone(message)),
            Phase::Attempting => self.join(view, Arc::clone(message), delivery, content),
            Phase::HandedOver | Phase::Held { .. } | Phase::Done => Ok(self.nothing(view)),
        }
    }
}

impl Begin {
    fn nothing(&self, view: &mut View<'_>) -> Begun {
        self.job.into_iter().for_each(|job| view.finish_job(job));
        Begun::Nothing
    }

    /// Consent and time-to-live are looked at once more, then the attempt is recorded.
    fn open<R>(
        &self,
        view: &mut View<'_>,
        message: &Message,
        delivery: &Delivery,
        content: Option<Arc<Content>>,
    ) -> Result<Begun, Halt<R>> {
        let (tenant, to) = (self.tenant, delivery.address().clone());
        let consent = Key::consent(tenant, message.app, &to);
        let mut wanted =
            vec![Key::id::<App>(tenant, message.app.0), Key::queue(tenant, message.app), consent.clone()];
        wanted.extend(message.reply_to.map(|id| Key::id::<Message>(tenant, id.0)));
        view.want(&wanted)?;
        let app = thread::app::<R>(view, tenant, message.app)?;
        let allowed = view.get::<Consent, R>(&consent)?.is_none_or(|consent| consent.allows(message.class));
        let reply_to = answered(view, message, &to)?;
        let now = view.now();
        // Nothing is copied before all that is wanted is there.
        let mut message = message.clone();
        let Some(mut delivery) = message.delivery.take() else {
            return Ok(self.nothing(view));
        };
        let over = match obstacle(app.as_deref(), &to, allowed, content.is_some()) {
            Some(reason) => delivery.give_up(reason, now),
            None => delivery.expire(now),
        };
        if let Some(moved) = over {
            message.delivery = Some(delivery);
            settle::settle(view, &mut message, &[moved])?;
            return Ok(self.nothing(view));
        }
        let (Some(attempt), Some(app), Some(content)) = (delivery.begin(now), app, content) else {
            return Ok(self.nothing(view));
        };
        message.address = Some(to.clone());
        message.delivery = Some(delivery);
        let message = Arc::new(message);
        view.put_shared(Key::id::<Message>(tenant, message.id.0), Arc::clone(&message));
        Ok(Begun::HandOver(HandOver { app, message, content, attempt, to, reply_to }))
    }

    /// A callback that carries a message goes on with the attempt it opened.
    fn join<R>(
        &self,
        view: &mut View<'_>,
        message: Arc<Message>,
        delivery: &Delivery,
        content: Option<Arc<Content>>,
    ) -> Result<Begun, Halt<R>> {
        let app = thread::app::<R>(view, self.tenant, message.app)?;
        let (attempt, to) = (delivery.attempt_number(), delivery.address().clone());
        Ok(match (app, content) {
            (Some(app), Some(content)) => {
                Begun::HandOver(HandOver { app, message, content, attempt, to, reply_to: None })
            }
            _ => Begun::Nothing,
        })
    }

    /// An attempt is open although nobody holds it: the process died between its first byte and its answer. The
    /// outcome is unknown, never "not tried".
    fn recover<R>(&self, view: &mut View<'_>, mut message: Message) -> Result<Begun, Halt<R>> {
        view.want(&[Key::id::<App>(self.tenant, message.app.0), Key::queue(self.tenant, message.app)])?;
        let app = thread::app::<R>(view, self.tenant, message.app)?;
        let Some(mut delivery) = message.delivery.take() else {
            return Ok(self.nothing(view));
        };
        let (attempt, now) = (delivery.attempt_number(), view.now());
        let rules = settle::rules(app.as_deref(), self.nature, &message, attempt);
        let moved = delivery.finish(attempt, Outcome::Unknown { parts: Vec::new() }, rules, now);
        let phase = delivery.phase;
        message.delivery = Some(delivery);
        settle::settle(view, &mut message, &moved)?;
        match phase {
            Phase::Waiting { not_before } => Ok(Begun::NotBefore(not_before)),
            _ => Ok(self.nothing(view)),
        }
    }
}

/// The runner leaves a message to the courier, whose callback carries it. The lane moves on; a job outside it looks
/// whether the callback came, for as long as the message is on that channel.
#[derive(Clone, Debug)]
pub struct LeaveToCourier {
    pub tenant: TenantId,
    pub message: MessageId,
    pub job: JobId,
    pub look_at: Time,
}

impl Command for LeaveToCourier {
    type Answer = ();
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<(), Halt<Self::Refusal>> {
        view.finish_job(self.job);
        if let Some(message) = view.by_id::<Message, _>(self.tenant, self.message.0)?
            && let Some(delivery) = message.delivery.as_ref().filter(|delivery| delivery.is_queued())
            && delivery.address().channel.is_face()
        {
            view.schedule_send(&message, self.look_at, Lane::None);
        }
        Ok(())
    }
}

/// Why this channel must not be tried, if so.
fn obstacle(app: Option<&App>, to: &Address, allowed: bool, content: bool) -> Option<Reason> {
    let Some(app) = app else {
        return Some(Reason::new(ReasonKind::Internal, "the app is gone"));
    };
    if !content {
        return Some(Reason::new(ReasonKind::Internal, "the content was erased before it was sent"));
    }
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
    pub nature: Nature,
}

/// What the runner does with the lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finished {
    /// The job is done; the lane moves on.
    Done,
    /// The same job again, not before this moment, to this address.
    Again(Time, Address),
}

impl Command for Finish {
    type Answer = Finished;
    type Refusal = std::convert::Infallible;

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn decide(&self, view: &mut View<'_>) -> Result<Finished, Halt<Self::Refusal>> {
        let tenant = self.tenant;
        let stored = view.by_id::<Message, _>(tenant, self.message.0)?;
        let Some((message, delivery)) =
            stored.as_ref().and_then(|message| Some((message, message.delivery.as_ref()?)))
        else {
            return Ok(self.done(view));
        };
        let mut wanted = vec![Key::id::<App>(tenant, message.app.0), Key::queue(tenant, message.app)];
        wanted.extend(message.conversation.map(|id| Key::id::<Conversation>(tenant, id.0)));
        wanted.extend(self.early(message, delivery));
        view.want(&wanted)?;
        let app = thread::app::<Self::Refusal>(view, tenant, message.app)?;
        let rules = settle::rules(app.as_deref(), self.nature, message, self.attempt);
        let mut message = Message::clone(message);
        let Some(mut delivery) = message.delivery.take() else {
            return Ok(self.done(view));
        };
        let mut moved = delivery.finish(self.attempt, self.outcome.clone(), rules, view.now());
        moved.extend(self.join_early(view, &message, &mut delivery, rules)?);
        let (phase, to) = (delivery.phase, delivery.address().clone());
        message.delivery = Some(delivery);
        settle::settle(view, &mut message, &moved)?;
        if moved.contains(&Moved::HandedOver) {
            reached(view, &message)?;
        }
        match (phase, self.job) {
            (Phase::Waiting { not_before }, Some(_)) => Ok(Finished::Again(not_before, to)),
            (Phase::Waiting { .. }, None) => {
                settle::send_again(view, &message);
                Ok(Finished::Done)
            }
            _ => Ok(self.done(view)),
        }
    }
}

impl Finish {
    fn done(&self, view: &mut View<'_>) -> Finished {
        self.job.into_iter().for_each(|job| view.finish_job(job));
        Finished::Done
    }

    fn parts(&self) -> &[Arc<str>] {
        match &self.outcome {
            Outcome::Accepted { parts } | Outcome::Unknown { parts } => parts,
            Outcome::Refused(_) | Outcome::Temporary { .. } => &[],
        }
    }

    fn channel<'a>(&self, delivery: &'a Delivery) -> Option<&'a str> {
        let attempt = delivery.attempts.iter().find(|attempt| attempt.number == self.attempt)?;
        Some(delivery.plan[attempt.leg].channel.as_str())
    }

    /// Where receipts wait that came before the provider's ids were known.
    fn early(&self, message: &Message, delivery: &Delivery) -> Vec<Key> {
        let channel = self.channel(delivery).unwrap_or_default();
        let key = |part: &Arc<str>| Key::early_receipts(self.tenant, message.app, channel, part);
        self.parts().iter().map(key).collect()
    }

    /// Makes the provider's ids known, and takes the receipts that came before they were.
    fn join_early<R>(
        &self,
        view: &mut View<'_>,
        message: &Message,
        delivery: &mut Delivery,
        rules: Rules,
    ) -> Result<Vec<Moved>, Halt<R>> {
        let Some(channel) = self.channel(delivery).map(str::to_owned) else {
            return Ok(Vec::new());
        };
        let mut moved = Vec::new();
        for (part, early) in self.parts().iter().zip(self.early(message, delivery)) {
            let pointer = Pointer { target: message.id.0, attempt: self.attempt };
            view.put(Key::provider_id(self.tenant, message.app, &channel, part), pointer);
            if let Some(kept) = view.get::<EarlyReceipts, R>(&early)? {
                for receipt in &kept.receipts {
                    moved.extend(delivery.receipt(self.attempt, part, receipt.clone(), rules, view.now()));
                }
                view.delete(early);
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

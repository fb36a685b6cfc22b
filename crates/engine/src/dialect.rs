//! What a face teaches the courier: which events its subscribers hear, in which words, how signed, how retried.
//! The courier does everything else: order, retries, parking, dead letters.

use std::sync::Arc;

use bytes::Bytes;
use domain::agent::Agent;
use domain::app::App;
use domain::contact::Contact;
use domain::content::{Content, Face};
use domain::conversation::Conversation;
use domain::event::Event;
use domain::id::Id;
use domain::message::Message;
use domain::subscription::Subscription;
use domain::tenant::{File, Tenant};
use domain::time::Time;
use http::HeaderMap;

use crate::links::FileLinks;

/// One face's callbacks. Pure: everything it may use is in the facts.
pub trait Dialect: Send + Sync {
    /// Which subscriptions speak it.
    fn face(&self) -> Face;

    /// Whether the subscription hears this event at all. Cheap: called before anything is loaded.
    fn hears(&self, subscription: &Subscription, event: &Event) -> bool;

    /// Whether it may have something to tell of an event that it hears, going by what memory has of it. Cheap as well:
    /// whoever says no spares the event a turn. What is not in memory speaks for telling.
    fn concerns(&self, _event: &Event, _near: &Near) -> bool {
        true
    }

    /// The callback's body; `None` when on a closer look there is nothing to tell.
    fn render(&self, facts: &Facts) -> Option<Rendered>;

    /// The headers that sign these bytes, at each try anew.
    fn seal(&self, seal: &Seal<'_>) -> HeaderMap;

    /// What an answer's status means.
    fn verdict(&self, status: u16) -> Verdict;

    /// How long and how often to try.
    fn patience(&self, subscription: &Subscription) -> Patience;
}

/// Rows about one event, as far as they are in memory.
#[derive(Clone, Debug, Default)]
pub struct Near {
    pub contact: Option<Arc<Contact>>,
    pub conversation: Option<Arc<Conversation>>,
    pub message: Option<Arc<Message>>,
}

/// Everything about one event, loaded.
#[derive(Clone, Debug)]
pub struct Facts {
    pub event: Event,
    /// The log that the event's position belongs to.
    pub log: Id,
    pub subscription: Arc<Subscription>,
    pub tenant: Option<Arc<Tenant>>,
    pub app: Option<Arc<App>>,
    pub contact: Option<Arc<Contact>>,
    pub conversation: Option<Arc<Conversation>>,
    pub message: Option<Arc<Message>>,
    /// Erased content is `None`.
    pub content: Option<Arc<Content>>,
    /// The message that `message` answers.
    pub answered: Option<Arc<Message>>,
    /// Author of `message`, or of a signal.
    pub author: Option<Arc<Agent>>,
    /// Assignee of `conversation`.
    pub assignee: Option<Arc<Agent>>,
    /// Files that the content names.
    pub files: Vec<Arc<File>>,
    /// Links to those files, and the public base URL of this server.
    pub links: FileLinks,
}

/// A rendered callback.
#[derive(Clone, Debug)]
pub struct Rendered {
    pub body: Bytes,
    /// Instead of the subscription's target.
    pub target: Option<String>,
    /// Headers that belong to the body (content type is `application/json` unless given).
    pub headers: HeaderMap,
}

/// What a signature may cover.
#[derive(Debug)]
pub struct Seal<'a> {
    pub subscription: &'a Subscription,
    pub app: Option<&'a App>,
    pub event: &'a Event,
    pub body: &'a [u8],
    pub now: Time,
    /// Random, 26 characters, fresh at each try.
    pub nonce: &'a str,
    /// The target is the message's own callback URL.
    pub overridden: bool,
}

/// What an answer's status means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Again,
    GiveUp,
}

/// A retry schedule.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Delays before the second, third, … try; the last one repeats.
    pub delays_ms: Vec<i64>,
    /// Given up when the first failure is this long ago.
    pub give_up_after_ms: i64,
    /// Given up after so many tries; 0 for no such limit.
    pub tries_max: u32,
    pub timeout_ms: u64,
    /// Callbacks a second of one app; 0: as many as there are.
    pub per_second_per_app: u32,
}

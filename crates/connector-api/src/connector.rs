//! The connector trait: what each channel must know.
//! Nothing here is asynchronous but sending, signalling and locating; reading a callback is pure.

use std::sync::Arc;

use domain::channel::Address;
use domain::content::{Content, Media};
use domain::delivery::{Outcome, Reason};
use domain::event::SignalKind;
use futures_util::future::BoxFuture;
use http::HeaderMap;

use crate::{Abilities, Callback, Forged, Genuine, HttpOut, Inbound};

/// An app's account on a channel, ready to use.
#[derive(Clone)]
pub struct Line {
    /// The provider's name for our side.
    pub account: Arc<str>,
    settings: Arc<[(String, String)]>,
    pub http: Arc<dyn HttpOut>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Line {
    /// An account with its settings, and the way out.
    pub fn new(account: &str, settings: Vec<(String, String)>, http: Arc<dyn HttpOut>) -> Line {
        Line { account: Arc::from(account), settings: settings.into(), http }
    }

    /// A setting's value, or the empty string.
    pub fn setting(&self, name: &str) -> &str {
        self.settings.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// One message to hand over.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Our token for this attempt, `message ULID/attempt number`: echoed by the provider where it can.
    pub token: Arc<str>,
    pub to: Address,
    /// Overrides already applied; media of ours carry a fetchable URL.
    pub content: Content,
    /// Set where a per-channel raw body was given: sent as it is, apart from addressing.
    pub raw: Option<Arc<str>>,
    /// The provider's id of the message this answers.
    pub reply_to: Option<Arc<str>>,
    /// Seconds left to live, where the client asked for a limit.
    pub ttl_s: Option<i64>,
    /// Parts that an earlier, partly unknown attempt already handed over; they are not sent again.
    pub parts_done: Vec<Arc<str>>,
}

/// A provider's no, classified. The kind decides what happens next; the vendor's words travel along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No for good on this channel.
    Permanent(Reason),
    /// A later try may work.
    Temporary { reason: Reason, retry_after_ms: Option<i64> },
}

impl From<SendError> for Outcome {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Permanent(reason) => Outcome::Refused(reason),
            SendError::Temporary { reason, retry_after_ms } => Outcome::Temporary { reason, retry_after_ms },
        }
    }
}

/// A genuine callback that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

/// The answer to a provider that first asks whether the address is really ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake(pub String);

/// A file at the provider. The URL and the headers may hold credentials: neither is shown to anybody.
#[derive(Clone)]
pub struct Located {
    pub url: String,
    pub headers: HeaderMap,
}

impl Located {
    /// An address that needs no credentials.
    pub fn open(url: &str) -> Located {
        Located { url: url.to_owned(), headers: HeaderMap::new() }
    }
}

impl std::fmt::Debug for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Located").finish_non_exhaustive()
    }
}

/// Protocol knowledge of one channel.
pub trait Connector: Send + Sync {
    /// The channel's upper-case name.
    fn channel(&self) -> &'static str;

    /// What the channel can do.
    fn abilities(&self) -> &Abilities;

    /// An address as the channel writes it (`+49 170…` becomes `49170…`), or `None` when it cannot be one.
    fn normalize(&self, address: &str) -> Option<String>;

    /// Whether the sender of a callback proved itself. There is no default.
    fn authenticate<'r>(&self, callback: &'r Callback, line: &Line) -> Result<Genuine<'r>, Forged>;

    /// Answers the provider's `GET` that verifies the callback address.
    fn handshake(&self, _query: &str, _line: &Line) -> Result<Handshake, Forged> {
        Err(Forged)
    }

    /// What a genuine callback says to this account; what it says to others is left out. Pure.
    fn read(&self, callback: Genuine<'_>, line: &Line) -> Result<Vec<Inbound>, Unreadable>;

    /// Hands one message over. Never panics on a provider's answer.
    fn send<'a>(&'a self, line: &'a Line, message: &'a Outbound) -> BoxFuture<'a, Outcome>;

    /// Shows the person that we type, where the channel can.
    fn signal<'a>(&'a self, _line: &'a Line, _to: &'a Address, _signal: SignalKind) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// Where a file that came in can be fetched with a `GET`, and the headers it needs. `media.url` is as
    /// [`Connector::read`] gave it. Good for minutes only: whoever fetches again asks again.
    fn locate<'a>(&'a self, _line: &'a Line, media: &'a Media) -> BoxFuture<'a, Result<Located, SendError>> {
        Box::pin(async move { Ok(Located::open(&media.url)) })
    }
}

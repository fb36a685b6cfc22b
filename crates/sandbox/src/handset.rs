//! Simulated phones: what each person sees, in order, both directions.
//!
//! A handset comes into being with the first message to or from it. Memory is bounded: each keeps its newest
//! messages, and when there are too many in all, the handsets that appeared first go.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use crate::world::now_ms;

const BUBBLES_PER_HANDSET_MAX: usize = 1_000;
const BUBBLES_MAX: usize = 200_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Author {
    Business,
    Person,
}

/// Something a person can press instead of writing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Choice {
    pub id: String,
    pub title: String,
    /// `reply`, `row`, `quick_reply`, `keyboard`, `url`: what pressing it does is the channel's business.
    pub kind: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bubble {
    pub from: Author,
    pub kind: String,
    pub text: String,
    pub provider_id: String,
    pub account: String,
    pub at_ms: u64,
    /// Of ours: `sent`, `delivered`, `read`. Of the person's: `sent`, then `read` when the business marks it.
    pub status: &'static str,
    /// When it first became so: a report of it goes out at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_at_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// What the sender wants echoed in reports.
    #[serde(skip)]
    pub echo: Option<String>,
    /// Reports nothing, not even the person's own reading.
    #[serde(skip)]
    pub silent: bool,
}

impl Bubble {
    pub(crate) fn new(from: Author, kind: &str, text: impl Into<String>) -> Self {
        Self {
            from,
            kind: kind.to_owned(),
            text: text.into(),
            provider_id: String::new(),
            account: String::new(),
            at_ms: 0,
            status: "sent",
            delivered_at_ms: None,
            read_at_ms: None,
            media_url: None,
            location: None,
            choices: Vec::new(),
            echo: None,
            silent: false,
        }
    }

    /// Moves its mark forward, and notes when.
    fn mark(&mut self, status: &'static str, now_ms: u64) {
        match status {
            "delivered" => _ = self.delivered_at_ms.get_or_insert(now_ms),
            "read" => _ = self.read_at_ms.get_or_insert(now_ms),
            _ => {}
        }
        if self.status != "read" {
            self.status = status;
        }
    }
}

#[derive(Default)]
struct Handset {
    bubbles: VecDeque<Bubble>,
    /// The account that wrote last, and the address it wrote from where the channel has several.
    wrote_last: Option<(String, Option<String>)>,
    person_wrote_at_ms: Option<u64>,
    typing_until_ms: u64,
    person_typing_until_ms: u64,
}

type Address = (&'static str, String);

#[derive(Default)]
struct Inner {
    /// Ordered, because a hash table of a hundred thousand phones stops the provider for 100 ms when it grows.
    phones: BTreeMap<Address, Handset>,
    order: VecDeque<Address>,
    bubbles: usize,
}

#[derive(Default)]
pub(crate) struct Handsets {
    inner: Mutex<Inner>,
}

impl Handsets {
    pub(crate) fn add(&self, channel: &'static str, identity: &str, bubble: Bubble) {
        self.change(channel, identity, |phone| {
            match bubble.from {
                Author::Business => phone.typing_until_ms = 0,
                Author::Person => {
                    phone.person_wrote_at_ms = Some(bubble.at_ms);
                    phone.person_typing_until_ms = 0;
                }
            }
            phone.bubbles.push_back(bubble);
        });
    }

    pub(crate) fn wrote_last(
        &self,
        channel: &'static str,
        identity: &str,
    ) -> Option<(String, Option<String>)> {
        self.look(channel, identity, |phone| phone.wrote_last.clone()).flatten()
    }

    pub(crate) fn set_wrote_last(
        &self,
        channel: &'static str,
        identity: &str,
        account: &str,
        from: Option<&str>,
    ) {
        let writer = (account.to_owned(), from.map(str::to_owned));
        self.change(channel, identity, |phone| phone.wrote_last = Some(writer));
    }

    pub(crate) fn person_wrote_at_ms(&self, channel: &'static str, identity: &str) -> Option<u64> {
        self.look(channel, identity, |phone| phone.person_wrote_at_ms).flatten()
    }

    pub(crate) fn set_typing(&self, channel: &'static str, identity: &str, until_ms: u64) {
        self.change(channel, identity, |phone| phone.typing_until_ms = until_ms);
    }

    pub(crate) fn set_person_typing(&self, channel: &'static str, identity: &str, until_ms: u64) {
        self.change(channel, identity, |phone| phone.person_typing_until_ms = until_ms);
    }

    /// Moves a message's mark forward; `read` is never taken back by a late `delivered`.
    pub(crate) fn mark(
        &self,
        channel: &'static str,
        identity: &str,
        provider_id: &str,
        status: &'static str,
    ) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(phone) = inner.phones.get_mut(&(channel, identity.to_owned()))
            && let Some(bubble) =
                phone.bubbles.iter_mut().rev().find(|bubble| bubble.provider_id == provider_id)
        {
            bubble.mark(status, now_ms());
        }
    }

    /// Marks what the business wrote as read and returns what a report is owed for.
    pub(crate) fn read_all(&self, channel: &'static str, identity: &str) -> Vec<Bubble> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(phone) = inner.phones.get_mut(&(channel, identity.to_owned())) else {
            return Vec::new();
        };
        let unread = phone.bubbles.iter_mut().filter(|b| b.from == Author::Business && b.status != "read");
        let read = unread.map(|bubble| {
            bubble.mark("read", now_ms());
            bubble.clone()
        });
        read.filter(|bubble| !bubble.silent).collect()
    }

    /// The newest message that offers this choice, by id or by title.
    pub(crate) fn offered(
        &self,
        channel: &'static str,
        identity: &str,
        choice: &str,
    ) -> Option<(Bubble, Choice)> {
        self.look(channel, identity, |phone| {
            phone.bubbles.iter().rev().find_map(|bubble| {
                let found = bubble.choices.iter().find(|offer| offer.id == choice || offer.title == choice);
                found.map(|offer| (bubble.clone(), offer.clone()))
            })
        })
        .flatten()
    }

    pub(crate) fn bubbles(&self, channel: &'static str, identity: &str) -> Vec<Bubble> {
        self.look(channel, identity, |phone| phone.bubbles.iter().cloned().collect()).unwrap_or_default()
    }

    /// The newest handsets first.
    pub(crate) fn list(&self, now_ms: u64, limit: usize) -> Value {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = inner.order.iter().rev().take(limit);
        let known = newest.filter_map(|address| inner.phones.get(address).map(|phone| (address, phone)));
        known
            .map(|((channel, identity), phone)| {
                let last = phone.bubbles.back();
                json!({
                    "channel": channel,
                    "identity": identity,
                    "messages": phone.bubbles.len(),
                    "last_at_ms": last.map(|bubble| bubble.at_ms),
                    "last_text": last.map(|bubble| &bubble.text),
                    "account": phone.wrote_last.as_ref().map(|(account, _)| account),
                    "business_typing": phone.typing_until_ms > now_ms,
                    "person_typing": phone.person_typing_until_ms > now_ms,
                })
            })
            .collect()
    }

    fn look<T>(&self, channel: &'static str, identity: &str, read: impl FnOnce(&Handset) -> T) -> Option<T> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.phones.get(&(channel, identity.to_owned())).map(read)
    }

    fn change(&self, channel: &'static str, identity: &str, change: impl FnOnce(&mut Handset)) {
        let mut guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let inner = &mut *guard;
        let address = (channel, identity.to_owned());
        let phone = inner.phones.entry(address).or_insert_with_key(|address| {
            inner.order.push_back(address.clone());
            Handset::default()
        });
        let before = phone.bubbles.len();
        change(phone);
        if phone.bubbles.len() > BUBBLES_PER_HANDSET_MAX {
            phone.bubbles.pop_front();
        }
        inner.bubbles = inner.bubbles + phone.bubbles.len() - before;
        while inner.bubbles > BUBBLES_MAX && inner.order.len() > 1 {
            let Some(oldest) = inner.order.pop_front() else {
                break;
            };
            inner.bubbles -= inner.phones.remove(&oldest).map_or(0, |phone| phone.bubbles.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: &str = "SMS";

    fn say(handsets: &Handsets, identity: &str, text: &str) {
        handsets.add(CHANNEL, identity, Bubble::new(Author::Person, "text", text));
    }

    #[test]
    fn a_handset_keeps_its_newest_messages() {
        let handsets = Handsets::default();
        (0..=BUBBLES_PER_HANDSET_MAX).for_each(|number| say(&handsets, "1", &number.to_string()));
        let kept = handsets.bubbles(CHANNEL, "1");
        assert_eq!((kept.len(), kept[0].text.as_str()), (BUBBLES_PER_HANDSET_MAX, "1"));
    }

    #[test]
    fn the_oldest_handsets_give_way_when_there_is_too_much_in_all() {
        let handsets = Handsets::default();
        let count = BUBBLES_MAX / BUBBLES_PER_HANDSET_MAX;
        for phone in 0..count {
            (0..BUBBLES_PER_HANDSET_MAX).for_each(|_| say(&handsets, &phone.to_string(), "x"));
        }
        assert_eq!(handsets.bubbles(CHANNEL, "0").len(), BUBBLES_PER_HANDSET_MAX, "all fit");
        say(&handsets, "one more", "x");
        assert!(handsets.bubbles(CHANNEL, "0").is_empty());
        assert_eq!(handsets.bubbles(CHANNEL, "1").len(), BUBBLES_PER_HANDSET_MAX);
        assert_eq!(handsets.bubbles(CHANNEL, "one more").len(), 1);
    }

    #[test]
    fn marks_move_forward_only() {
        let handsets = Handsets::default();
        let mut bubble = Bubble::new(Author::Business, "text", "hi");
        bubble.provider_id = "p".to_owned();
        handsets.add(CHANNEL, "1", bubble);
        let mut delivered = None;
        for (mark, shown) in [("delivered", "delivered"), ("read", "read"), ("delivered", "read")] {
            handsets.mark(CHANNEL, "1", "p", mark);
            let bubble = handsets.bubbles(CHANNEL, "1").remove(0);
            assert_eq!(bubble.status, shown);
            assert_eq!(bubble.read_at_ms.is_some(), shown == "read");
            delivered = delivered.or(bubble.delivered_at_ms);
            assert_eq!(bubble.delivered_at_ms, delivered, "the first time stays");
        }
        assert!(delivered.is_some());
    }
}

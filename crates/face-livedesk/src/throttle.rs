//! The vendor's flooding limit: so many messages a conversation in a rolling minute, through this face.
//!
//! Kept in memory and bounded: conversations without a message in the last minute are forgotten.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use domain::id::ConversationId;
use domain::time::Time;

const WINDOW_MS: i64 = 60_000;
/// Conversations remembered before old ones are looked for.
const REMEMBERED_MAX: usize = 10_000;

/// Counts messages per conversation.
pub(crate) struct Throttle {
    per_minute: Option<u32>,
    recent: Mutex<HashMap<ConversationId, VecDeque<Time>>>,
}

impl Throttle {
    pub(crate) fn new(per_minute: Option<u32>) -> Throttle {
        Throttle { per_minute, recent: Mutex::default() }
    }

    /// Takes a place for one message; `false` when there is none left.
    pub(crate) fn admit(&self, conversation: ConversationId, now: Time) -> bool {
        let Some(limit) = self.per_minute else { return true };
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= REMEMBERED_MAX {
            recent.retain(|_, times| times.back().is_some_and(|last| now.since_ms(*last) < WINDOW_MS));
        }
        let times = recent.entry(conversation).or_default();
        while times.front().is_some_and(|first| now.since_ms(*first) >= WINDOW_MS) {
            times.pop_front();
        }
        if times.len() >= limit as usize {
            return false;
        }
        times.push_back(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::Id;

    #[test]
    fn the_minute_rolls() {
        let throttle = Throttle::new(Some(2));
        let conversation = ConversationId(Id(1));
        assert!(throttle.admit(conversation, Time(0)));
        assert!(throttle.admit(conversation, Time(1)));
        assert!(!throttle.admit(conversation, Time(59_999)));
        assert!(throttle.admit(conversation, Time(60_000)));
        assert!(!throttle.admit(conversation, Time(60_000)));
    }
}

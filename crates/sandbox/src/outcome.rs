//! What becomes of one send: the magic recipients and the scripted faults.
//!
//! The last four characters of the recipient choose a [`Code`]; a script for that address beats them. The table is
//! part of the stable interface (README.md). A code becomes a [`Plan`]: how the provider answers, whether the phone
//! shows the message, and which reports follow when. Plans know no channel; a channel plays what it can express.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::settings::Delays;

/// Messages whose retries are being counted; beyond it the counting starts afresh rather than growing.
const COUNTED_MESSAGES_MAX: usize = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Plain,
    Refused,
    FailsLater,
    FailsTwice,
    ThrottlesOnce,
    Silent,
    Hangs,
    ReceiptFirst,
    ReceiptsTwisted,
    NeverRead,
    SlowAnswer,
    Drops,
}

impl Code {
    /// Reads a script entry or a recipient by its last four characters.
    pub(crate) fn of(text: &str) -> Self {
        let start = text.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
        match &text[start..] {
            "0001" => Self::Refused,
            "0002" => Self::FailsLater,
            "0003" => Self::FailsTwice,
            "0004" => Self::ThrottlesOnce,
            "0005" => Self::Silent,
            "0006" => Self::Hangs,
            "0007" => Self::ReceiptFirst,
            "0008" => Self::ReceiptsTwisted,
            "0009" => Self::NeverRead,
            "0010" => Self::SlowAnswer,
            "0011" => Self::Drops,
            _ => Self::Plain,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Accepted,
    Refused,
    Temporary,
    Throttled,
    Hung,
    Dropped,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Temporary => "temporary",
            Self::Throttled => "throttled",
            Self::Hung => "hung",
            Self::Dropped => "dropped",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Sent,
    Delivered,
    Read,
    Failed,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub verdict: Verdict,
    pub phone_got: bool,
    /// Reported before the send is answered.
    pub early: Option<Status>,
    /// Reported afterwards, each so long after the answer.
    pub steps: Vec<(Duration, Status)>,
    pub answer_after: Duration,
    /// The person's own reading is not reported either.
    pub silent: bool,
}

impl Plan {
    /// A request that breaks the provider's contract never reaches the table.
    pub(crate) fn refused() -> Self {
        Self::without_reports(Verdict::Refused)
    }

    fn without_reports(verdict: Verdict) -> Self {
        let phone_got = matches!(verdict, Verdict::Accepted | Verdict::Hung);
        Self {
            verdict,
            phone_got,
            early: None,
            steps: Vec::new(),
            answer_after: Duration::ZERO,
            silent: true,
        }
    }

    fn reporting(verdict: Verdict, steps: Vec<(Duration, Status)>) -> Self {
        Self { steps, silent: false, ..Self::without_reports(verdict) }
    }

    /// Accepts, then reports failed, as a window that has closed does on WhatsApp.
    pub(crate) fn fails_later(delays: &Delays) -> Self {
        let steps = vec![(delays.delivered_after, Status::Failed)];
        Self { phone_got: false, ..Self::reporting(Verdict::Accepted, steps) }
    }

    fn plain(verdict: Verdict, delays: &Delays) -> Self {
        let steps = vec![
            (Duration::ZERO, Status::Sent),
            (delays.delivered_after, Status::Delivered),
            (delays.read_after.max(delays.delivered_after), Status::Read),
        ];
        Self::reporting(verdict, steps)
    }

    fn of(code: Code, earlier_tries: u8, delays: &Delays) -> Self {
        let (delivered, read) = (delays.delivered_after, delays.read_after.max(delays.delivered_after));
        match code {
            Code::Refused => Self::refused(),
            Code::FailsLater => Self::fails_later(delays),
            Code::FailsTwice if earlier_tries < 2 => Self::without_reports(Verdict::Temporary),
            Code::ThrottlesOnce if earlier_tries < 1 => Self::without_reports(Verdict::Throttled),
            Code::Silent => Self::without_reports(Verdict::Accepted),
            Code::Hangs => Self::plain(Verdict::Hung, delays),
            Code::Drops => Self::without_reports(Verdict::Dropped),
            Code::ReceiptFirst => Self {
                early: Some(Status::Delivered),
                ..Self::reporting(Verdict::Accepted, vec![(read, Status::Read)])
            },
            Code::ReceiptsTwisted => Self::reporting(
                Verdict::Accepted,
                vec![
                    (delivered, Status::Read),
                    (delivered, Status::Delivered),
                    (read, Status::Delivered),
                    (read, Status::Read),
                ],
            ),
            Code::NeverRead => Self::reporting(
                Verdict::Accepted,
                vec![(Duration::ZERO, Status::Sent), (delivered, Status::Delivered)],
            ),
            Code::SlowAnswer => {
                Self { answer_after: delays.slow_answer, ..Self::plain(Verdict::Accepted, delays) }
            }
            Code::Plain | Code::FailsTwice | Code::ThrottlesOnce => Self::plain(Verdict::Accepted, delays),
        }
    }
}

type Address = (&'static str, String);

/// Scripts by address, and how often a message that must fail first has been tried.
#[derive(Default)]
pub(crate) struct Faults {
    scripts: Mutex<HashMap<Address, VecDeque<Code>>>,
    tries: Mutex<HashMap<u64, u8>>,
}

impl Faults {
    /// Replaces the script of one address; an empty one gives the address back to the table.
    pub(crate) fn script(&self, channel: &'static str, identity: &str, codes: &[String]) {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        let address = (channel, identity.to_owned());
        if codes.is_empty() {
            scripts.remove(&address);
        } else {
            scripts.insert(address, codes.iter().map(|code| Code::of(code)).collect());
        }
    }

    pub(crate) fn plan(&self, channel: &'static str, identity: &str, text: &str, delays: &Delays) -> Plan {
        let code = self.scripted(channel, identity).unwrap_or_else(|| Code::of(identity));
        let tries = match code {
            Code::FailsTwice | Code::ThrottlesOnce => self.count(channel, identity, text, code),
            _ => 0,
        };
        Plan::of(code, tries, delays)
    }

    fn scripted(&self, channel: &'static str, identity: &str) -> Option<Code> {
        let mut scripts = self.scripts.lock().unwrap_or_else(PoisonError::into_inner);
        if scripts.is_empty() {
            return None;
        }
        let script = scripts.get_mut(&(channel, identity.to_owned()))?;
        if script.len() > 1 { script.pop_front() } else { script.front().copied() }
    }

    /// Counted per message, recognized by its text, so that two messages to one address do not use up each other's
    /// failures. Once accepted, the same text fails afresh.
    fn count(&self, channel: &str, identity: &str, text: &str, code: Code) -> u8 {
        let mut hasher = DefaultHasher::new();
        (channel, identity, text, code as u8).hash(&mut hasher);
        let key = hasher.finish();
        let failures = if code == Code::FailsTwice { 2 } else { 1 };
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= COUNTED_MESSAGES_MAX {
            tries.clear();
        }
        let earlier = tries.get(&key).copied().unwrap_or(0);
        if earlier >= failures {
            tries.remove(&key);
        } else {
            tries.insert(key, earlier + 1);
        }
        earlier
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(faults: &Faults, identity: &str, count: usize) -> Vec<&'static str> {
        let plan = |_| faults.plan("SMS", identity, "hello", &Delays::default()).verdict.as_str();
        (0..count).map(plan).collect()
    }

    #[test]
    fn last_four_characters_choose_the_verdict() {
        let rows: [(&str, &[&str]); 7] = [
            ("447700900001", &["refused", "refused"]),
            ("447700900003", &["temporary", "temporary", "accepted", "temporary"]),
            ("447700900004", &["throttled", "accepted"]),
            ("447700900006", &["hung"]),
            ("447700900011", &["dropped"]),
            ("447700900123", &["accepted"]),
            ("1", &["accepted"]),
        ];
        for (identity, expected) in rows {
            assert_eq!(verdicts(&Faults::default(), identity, expected.len()), expected, "{identity}");
        }
    }

    #[test]
    fn script_beats_the_recipient_and_its_last_code_stays() {
        let faults = Faults::default();
        faults.script("SMS", "447700900001", &["0011".to_owned(), "0006".to_owned(), "ok".to_owned()]);
        assert_eq!(verdicts(&faults, "447700900001", 4), ["dropped", "hung", "accepted", "accepted"]);
        faults.script("SMS", "447700900001", &[]);
        assert_eq!(verdicts(&faults, "447700900001", 1), ["refused"]);
    }

    #[test]
    fn short_and_non_ascii_recipients_are_read_by_characters() {
        assert_eq!(Code::of("é0001"), Code::Refused);
        assert_eq!(Code::of("éé"), Code::Plain);
    }
}

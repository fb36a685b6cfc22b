//! What a message's timeline says of its attempts: which ended unknown, and what resolved them.

use serde_json::Value;

/// What became of an attempt whose bytes had left and whose answer never came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// The provider's receipt told.
    ByReceipt,
    /// The app's policy had it sent again.
    ByRetry,
    /// The app's policy had it go by another channel.
    ByFailover,
    /// There was no other channel left: the message failed, and says so.
    ByGivingUp,
    /// Nobody told: it waits for a receipt, and says so.
    Held,
}

/// The attempts of one message.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Story {
    /// One for each attempt whose answer never came.
    pub unknown: Vec<Resolved>,
    /// Attempts that began and of which nothing is said any more.
    pub forgotten: usize,
}

impl Story {
    /// Whether the message failed because an attempt's answer never came.
    pub fn gave_up(&self) -> bool {
        self.unknown.contains(&Resolved::ByGivingUp)
    }

    /// Reads the entries of a timeline.
    pub fn of(timeline: &Value) -> Story {
        let entries: Vec<&Value> = timeline.as_array().into_iter().flatten().collect();
        let mut story = Story::default();
        for (place, started) in
            entries.iter().enumerate().filter(|(_, entry)| entry["kind"] == "attempt_started")
        {
            let kind = |entry: &&Value| entry["kind"].as_str().unwrap_or_default().to_owned();
            let later = &entries[place + 1..];
            let own: Vec<String> =
                later.iter().filter(|entry| entry["attempt"] == started["attempt"]).map(kind).collect();
            let said = |what: &[&str]| own.iter().any(|kind| what.contains(&kind.as_str()));
            let answered = said(&["accepted", "refused", "will_retry"]);
            // What came first: a receipt may still come after the app's policy had its way.
            let resolved = later.iter().find_map(|entry| match kind(entry).as_str() {
                "receipt" if entry["attempt"] == started["attempt"] => Some(Resolved::ByReceipt),
                "attempt_started" => Some(Resolved::ByRetry),
                "switched" => Some(Resolved::ByFailover),
                "gave_up" => Some(Resolved::ByGivingUp),
                _ => None,
            });
            if own.is_empty() {
                story.forgotten += 1;
            } else if said(&["outcome_unknown"]) || !answered {
                story.unknown.push(resolved.unwrap_or(Resolved::Held));
            }
        }
        story
    }
}

#[test]
fn a_timeline_says_what_became_of_each_attempt() {
    let check = |kinds: &[(&str, u32)], unknown: &[Resolved], forgotten: usize| {
        let entries: Vec<Value> = kinds
            .iter()
            .map(|(kind, attempt)| serde_json::json!({ "kind": kind, "attempt": attempt }))
            .collect();
        let story = Story::of(&entries.into());
        assert_eq!((story.unknown.as_slice(), story.forgotten), (unknown, forgotten), "{kinds:?}");
    };
    let (began, unknown) = (("attempt_started", 1), ("outcome_unknown", 1));
    check(&[began, ("accepted", 1), ("receipt", 1)], &[], 0);
    check(&[began], &[], 1);
    check(&[began, unknown], &[Resolved::Held], 0);
    // The receipt came before anybody looked for the answer.
    check(&[began, ("receipt", 1)], &[Resolved::ByReceipt], 0);
    check(&[began, unknown, ("receipt", 1)], &[Resolved::ByReceipt], 0);
    check(&[began, unknown, ("attempt_started", 2), ("accepted", 2)], &[Resolved::ByRetry], 0);
    check(
        &[began, unknown, ("attempt_started", 2), ("accepted", 2), ("receipt", 1)],
        &[Resolved::ByRetry],
        0,
    );
    check(&[began, unknown, ("switched", 0), ("attempt_started", 2)], &[Resolved::ByFailover], 1);
    check(&[began, unknown, ("gave_up", 0), ("receipt", 1)], &[Resolved::ByGivingUp], 0);
}

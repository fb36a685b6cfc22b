//! The truth table of failover and time-to-live: what the channel can report, how the first hand-over goes, when the
//! time-to-live ends, how many channels there are, and whether missing reports fall back.
//!
//! Each row is played twice over one machine: once straight through, and once with every state rebuilt from its parts
//! in between, as a restart does. What must come out is written down independently, rule by rule, from the vendor's
//! page (reference section 9).

use std::sync::Arc;

use super::*;
use crate::app::UnknownPolicy;

/// What a channel reports at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reports {
    Nothing,
    Delivered,
    Read,
}

/// How hand-overs to the first channel go. Later channels take the message and report what they can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    Accepted,
    Refused,
    FailedLater,
    Throttled,
    Temporary,
    TimedOut,
    NoReport,
}

/// When the time-to-live ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ttl {
    /// Before the first hand-over.
    Before,
    /// While the first channel still works on it.
    During,
    /// After all is over.
    After,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    reports: Reports,
    first: First,
    ttl: Ttl,
    chain: usize,
    fallback: bool,
}

/// What an outsider sees.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Story {
    status: Status,
    reason: Option<ReasonKind>,
    /// Legs that were handed something, in order of their first attempt.
    legs: Vec<usize>,
    switches: usize,
}

const START: Time = Time(1_000);
/// Between the begin of an attempt and its answer.
const ANSWER_MS: i64 = 100;
/// Between the answer and a report of failure.
const REPORT_MS: i64 = 5_000;
const REPORT_WAIT_MS: i64 = 20_000;
const RETRY_MS: i64 = 60_000;
const THROTTLED_MS: i64 = 2_000;
/// Long after anything of a journey can happen.
const HORIZON_MS: i64 = 10_000_000;

fn expires_at(row: Row) -> Time {
    START.plus_ms(match row.ttl {
        Ttl::Before => 0,
        Ttl::During => ANSWER_MS / 2,
        Ttl::After => HORIZON_MS * 2,
    })
}

fn rules(row: Row) -> Rules {
    let report_ms = (row.fallback && row.reports != Reports::Nothing).then_some(REPORT_WAIT_MS);
    Rules { unknown: UnknownPolicy::Hold, retry_ms: RETRY_MS, report_ms, spread: 7 }
}

/// Everything that the machine may know of the journey, and nothing else.
fn restarted(journey: Delivery, restarts: bool) -> Delivery {
    if !restarts {
        return journey;
    }
    Delivery {
        attempts: journey.attempts.iter().map(|attempt| Attempt { ..attempt.clone() }).collect(),
        steps: Vec::new(),
        ..journey
    }
}

fn answer(row: Row, leg: usize, attempt: u32) -> Outcome {
    let part: Arc<str> = Arc::from(format!("{attempt}"));
    let why = || Reason::new(ReasonKind::RecipientNotReachable, "no");
    let taken = Outcome::Accepted { parts: vec![part] };
    if leg > 0 {
        return taken;
    }
    match row.first {
        First::Accepted | First::FailedLater | First::NoReport => taken,
        First::Refused => Outcome::Refused(why()),
        First::Throttled if attempt > 1 => taken,
        First::Throttled => Outcome::Temporary { reason: why(), retry_after_ms: Some(THROTTLED_MS) },
        First::Temporary => Outcome::Temporary { reason: why(), retry_after_ms: None },
        First::TimedOut => Outcome::Unknown { parts: Vec::new() },
    }
}

/// What is reported of an accepted hand-over, after how long.
fn reported(row: Row, leg: usize) -> Option<(Status, i64)> {
    let success = match row.reports {
        Reports::Nothing => None,
        Reports::Delivered => Some(Status::Delivered),
        Reports::Read => Some(Status::Read),
    };
    match row.first {
        First::FailedLater if leg == 0 => Some((Status::Failed, REPORT_MS)),
        First::NoReport if leg == 0 => None,
        _ => success.map(|status| (status, 1)),
    }
}

fn play(row: Row, restarts: bool) -> Story {
    let plan = (0..row.chain).map(|leg| Address::new(&format!("CHANNEL{leg}"), "1")).collect();
    let mut journey = Delivery::planned(plan, Priority::Normal, expires_at(row), Time(0));
    let (mut now, mut switches, mut legs) = (START, 0, Vec::new());
    let mut note = |moved: &[Moved]| {
        switches += moved.iter().filter(|step| matches!(step, Moved::Switched(_))).count();
    };
    while now < START.plus_ms(HORIZON_MS) {
        journey = restarted(journey, restarts);
        match journey.phase {
            Phase::Waiting { not_before } => {
                // The job that looks after the time-to-live comes before the send job of a later moment.
                now = now.max(not_before.min(journey.expires_at));
                note(journey.expire(now).as_slice());
                let Some(attempt) = journey.begin(now) else { continue };
                let leg = journey.leg;
                if !legs.contains(&leg) {
                    legs.push(leg);
                }
                journey = restarted(journey, restarts);
                now = now.plus_ms(ANSWER_MS);
                note(&journey.finish(attempt, answer(row, leg, attempt), rules(row), now));
                let taken = journey.phase == Phase::HandedOver;
                if let Some((status, after_ms)) = reported(row, leg).filter(|_| taken) {
                    now = now.plus_ms(after_ms);
                    let receipt = Receipt { status, reason: None, at: now };
                    note(&journey.receipt(
                        attempt,
                        &Arc::from(format!("{attempt}")),
                        receipt,
                        rules(row),
                        now,
                    ));
                }
            }
            Phase::HandedOver => {
                now = journey.report_due.unwrap_or(Time::NEVER).max(now);
                note(journey.expire(now).as_slice());
                if journey.phase == Phase::HandedOver {
                    break;
                }
            }
            Phase::Held { until } => {
                now = now.max(until);
                note(journey.expire(now).as_slice());
            }
            Phase::Attempting | Phase::Done => break,
        }
    }
    Story { status: journey.status, reason: journey.reason.map(|reason| reason.kind), legs, switches }
}

/// The rules, in the vendor's words.
fn expected(row: Row) -> Story {
    let arrived = match row.reports {
        Reports::Nothing => Status::HandedOver,
        Reports::Delivered => Status::Delivered,
        Reports::Read => Status::Read,
    };
    let first = |status, reason| Story { status, reason, legs: vec![0], switches: 0 };
    let failed = |reason| first(Status::Failed, Some(reason));
    let next = || Story { status: arrived, reason: None, legs: vec![0, 1], switches: 1 };
    let another = row.chain > 1;
    // "Expired while queued: FAILED / MESSAGE_EXPIRED, no failover."
    if row.ttl == Ttl::Before {
        return Story { legs: Vec::new(), ..failed(ReasonKind::Expired) };
    }
    let expired = row.ttl == Ttl::During;
    match row.first {
        // What a channel took is that channel's to expire.
        First::Accepted => first(arrived, None),
        // "On a permanent failure: another candidate left, SWITCHING_CHANNEL; none left, FAILED with the last
        // channel's reason." Between channels an expired message fails as expired.
        First::Refused if another && expired => failed(ReasonKind::Expired),
        First::Refused if another => next(),
        First::Refused => failed(ReasonKind::RecipientNotReachable),
        // A failed receipt by webhook fails over just like a failed send.
        First::FailedLater if another && expired => failed(ReasonKind::Expired),
        First::FailedLater if another => next(),
        First::FailedLater => failed(ReasonKind::ChannelFailure),
        // "Temporary failures are retried on the same channel": a throttled one passes the second time, unless its
        // time is over while it waits.
        First::Throttled | First::Temporary if expired => failed(ReasonKind::Expired),
        First::Throttled => first(arrived, None),
        // "… a last one exactly at the cut-off; then treat as permanent."
        First::Temporary if another => next(),
        First::Temporary => failed(ReasonKind::RecipientNotReachable),
        // Held until the earlier of its time-to-live and one hour, then failed; never sent over another channel.
        First::TimedOut => failed(ReasonKind::ReportTimedOut),
        // "If no DELIVERED/READ arrives within the time: SWITCHING_CHANNEL … applies only to messages with more than
        // one channel identity and to channels that report at least DELIVERED."
        First::NoReport if row.fallback && row.reports != Reports::Nothing && another && !expired => next(),
        First::NoReport => first(Status::HandedOver, None),
    }
}

#[test]
fn every_row_of_failover_and_time_to_live_ends_as_the_vendor_says() {
    let mut rows = 0;
    for reports in [Reports::Nothing, Reports::Delivered, Reports::Read] {
        let firsts = [
            First::Accepted,
            First::Refused,
            First::FailedLater,
            First::Throttled,
            First::Temporary,
            First::TimedOut,
            First::NoReport,
        ];
        for first in firsts {
            for ttl in [Ttl::Before, Ttl::During, Ttl::After] {
                for chain in 1..=3 {
                    for fallback in [false, true] {
                        let row = Row { reports, first, ttl, chain, fallback };
                        assert_eq!(play(row, false), expected(row), "{row:?}");
                        assert_eq!(play(row, true), expected(row), "restarted: {row:?}");
                        rows += 1;
                    }
                }
            }
        }
    }
    assert_eq!(rows, 3 * 7 * 3 * 3 * 2);
}

/// Temporary failures of one channel: at least one retry, a last one exactly when the patience is over.
#[test]
fn temporary_failures_are_tried_again_until_exactly_the_cut_off() {
    for (retry_ms, spread) in [(0, 0), (30_000, 1), (30_000, 99), (3_600_000, 12_345)] {
        let mut journey =
            Delivery::planned(vec![Address::new("A", "1")], Priority::Normal, Time::NEVER, START);
        let rules = Rules { retry_ms, spread, ..Rules::PLAIN };
        let reason = Reason::new(ReasonKind::ChannelFailure, "busy");
        let (mut now, mut tries) = (START, 0);
        while let Some(attempt) = journey.begin(now) {
            tries += 1;
            let outcome = Outcome::Temporary { reason: reason.clone(), retry_after_ms: None };
            journey.finish(attempt, outcome, rules, now);
            if let Phase::Waiting { not_before } = journey.phase {
                assert!(not_before > now && not_before.since_ms(now) <= machine::RETRY_DELAY_MS_MAX);
                now = not_before;
            }
        }
        assert_eq!((journey.status, journey.reason), (Status::Failed, Some(reason)));
        assert!(tries >= 2);
        assert_eq!(now.since_ms(START), retry_ms.max(1), "{retry_ms} {spread}");
    }
}

//! The lattice under permutations, and the plan's walk.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn delivery(legs: &[&str]) -> Delivery {
    let plan = legs.iter().map(|channel| Address::new(channel, "1")).collect();
    Delivery::planned(plan, Priority::Normal, Time(10_000), Time(0))
}

fn accepted(part: &str) -> Outcome {
    Outcome::Accepted { parts: vec![Arc::from(part)] }
}

fn receipt(status: Status) -> Receipt {
    Receipt { status, reason: None, at: Time(1) }
}

const RULES: Rules = Rules::PLAIN;

fn refused() -> Outcome {
    Outcome::Refused(Reason::new(ReasonKind::RecipientNotReachable, "no"))
}

fn parts<const N: usize>(names: [&str; N]) -> Vec<Arc<str>> {
    names.into_iter().map(Arc::from).collect()
}

#[test]
fn second_failure_moves_to_next_channel_and_the_last_one_fails() {
    let mut journey = delivery(&["A", "B"]);
    assert_eq!(journey.begin(Time(1)), Some(1));
    assert!(matches!(journey.finish(1, refused(), RULES, Time(2))[..], [Moved::Switched(_)]));
    assert_eq!(journey.address().channel.as_str(), "B");
    assert_eq!(journey.begin(Time(3)), Some(2));
    assert!(matches!(journey.finish(2, refused(), RULES, Time(4))[..], [Moved::Failed(_)]));
    assert_eq!(journey.status, Status::Failed);
}

/// Who looks after the time-to-live came by while the attempt was open, and will not come again.
#[test]
fn an_attempt_that_fails_for_now_after_the_time_to_live_expires_the_message_at_once() {
    let reason = Reason::new(ReasonKind::RateLimited, "slowly");
    let busy = || Outcome::Temporary { reason: reason.clone(), retry_after_ms: Some(600_000) };
    let unknown = || Outcome::Unknown { parts: Vec::new() };
    let retry = Rules { unknown: crate::app::UnknownPolicy::Retry, retry_ms: 3_600_000, ..RULES };
    for (outcome, ended_at, expires) in
        [(busy(), 9_999, false), (busy(), 10_000, true), (unknown(), 9_999, false), (unknown(), 10_000, true)]
    {
        let mut journey = delivery(&["A", "B"]);
        journey.begin(Time(1));
        let moved = journey.finish(1, outcome, retry, Time(ended_at));
        assert_eq!(journey.phase == Phase::Done, expires, "{moved:?}");
        assert_eq!(journey.reason.map(|reason| reason.kind), expires.then_some(ReasonKind::Expired));
    }
}

#[test]
fn a_message_in_parts_is_delivered_when_all_parts_are() {
    let both = parts(["a", "b"]);
    let mut journey = delivery(&["A"]);
    journey.begin(Time(1));
    journey.finish(1, Outcome::Accepted { parts: both.clone() }, RULES, Time(2));
    let mut delivered = |part| journey.receipt(1, part, receipt(Status::Delivered), RULES, Time(3));
    assert_eq!(delivered(&both[0]), []);
    assert_eq!(delivered(&both[0]), []);
    assert_eq!(delivered(&both[1]), [Moved::Advanced { status: Status::Delivered, leg: 0 }]);
}

#[test]
fn a_message_in_parts_fails_when_one_part_does() {
    let both = parts(["a", "b"]);
    let mut journey = delivery(&["A"]);
    journey.begin(Time(1));
    journey.finish(1, Outcome::Accepted { parts: both.clone() }, RULES, Time(2));
    journey.receipt(1, &both[0], receipt(Status::Delivered), RULES, Time(3));
    let moved = journey.receipt(1, &both[1], receipt(Status::Failed), RULES, Time(3));
    assert!(matches!(moved[..], [Moved::Failed(_)]));
}

#[test]
fn the_known_parts_of_a_partly_unknown_message_do_not_make_it_delivered() {
    let mut journey = delivery(&["A"]);
    journey.begin(Time(1));
    journey.finish(1, Outcome::Unknown { parts: parts(["a"]) }, RULES, Time(2));
    assert_eq!(journey.receipt(1, &Arc::from("a"), receipt(Status::Delivered), RULES, Time(3)), []);
    assert!(matches!(journey.phase, Phase::Held { .. }));
}

#[test]
fn a_held_attempt_ends_as_report_timed_out_at_the_earlier_of_its_life_and_one_hour() {
    for (expires_at, until) in [(Time(10_000), Time(10_000)), (Time::NEVER, Time(2 + 3_600_000))] {
        let mut journey = Delivery { expires_at, ..delivery(&["A", "B"]) };
        journey.begin(Time(1));
        let moved = journey.finish(1, Outcome::Unknown { parts: vec![] }, RULES, Time(2));
        assert_eq!(moved, [Moved::Held(until)]);
        assert_eq!(journey.expire(until.plus_ms(-1)), None);
        let Some(Moved::Failed(reason)) = journey.expire(until) else { panic!("held past its time") };
        assert_eq!(reason.kind, ReasonKind::ReportTimedOut);
    }
}

#[test]
fn a_late_report_of_an_earlier_channel_is_told_of_that_channel() {
    let mut journey = delivery(&["A", "B"]);
    journey.begin(Time(1));
    journey.finish(1, accepted("a"), RULES, Time(2));
    journey.receipt(1, &Arc::from("a"), receipt(Status::Failed), RULES, Time(3));
    journey.begin(Time(4));
    let moved = journey.receipt(1, &Arc::from("a"), receipt(Status::Delivered), RULES, Time(5));
    assert_eq!(moved, [Moved::Advanced { status: Status::Delivered, leg: 0 }]);
    // The second channel's answer is recorded and changes nothing more.
    assert_eq!(journey.finish(2, accepted("b"), RULES, Time(6)), []);
    assert!(journey.attempts[1].outcome.is_some());
    assert_eq!(journey.status, Status::Delivered);
}

/// "Resolution by receipt" comes before the app's policy, whichever it is and whatever the receipt says but failure.
#[test]
fn an_unanswered_attempt_that_the_provider_spoke_of_is_neither_repeated_nor_left_nor_held() {
    use crate::app::UnknownPolicy::{FailOver, Hold, Retry};
    for unknown in [Retry, FailOver, Hold] {
        let rules = Rules { unknown, retry_ms: 60_000, ..RULES };
        for said in [Status::HandedOver, Status::Delivered, Status::Read] {
            let mut journey = delivery(&["A", "B"]);
            journey.begin(Time(1));
            journey.receipt(1, &Arc::from("a"), receipt(said), rules, Time(2));
            let moved = journey.finish(1, Outcome::Unknown { parts: vec![] }, rules, Time(3));
            assert!(
                !matches!(moved[..], [Moved::RetryAt(_) | Moved::Switched(_) | Moved::Held(_), ..]),
                "{moved:?}"
            );
            assert_eq!((journey.status, journey.is_queued(), journey.leg), (said, false, 0), "{unknown:?}");
        }
    }
}

#[test]
fn a_repetition_that_has_not_begun_is_called_off_by_a_receipt_of_the_attempt() {
    let retry = Rules { unknown: crate::app::UnknownPolicy::Retry, retry_ms: 60_000, ..RULES };
    let mut journey = delivery(&["A"]);
    journey.begin(Time(1));
    let moved = journey.finish(1, Outcome::Unknown { parts: vec![] }, retry, Time(2));
    let [Moved::RetryAt(at)] = moved[..] else { panic!("not repeated: {moved:?}") };
    let sent = receipt(Status::HandedOver);
    assert_eq!(journey.receipt(1, &Arc::from("a"), sent.clone(), retry, Time(3)), [Moved::HandedOver]);
    assert_eq!(journey.begin(at), None);
    // A temporary failure is an answer: what the provider says of it later changes no plan.
    let mut journey = delivery(&["A"]);
    let busy =
        Outcome::Temporary { reason: Reason::new(ReasonKind::RateLimited, "slowly"), retry_after_ms: None };
    journey.begin(Time(1));
    let moved = journey.finish(1, busy, retry, Time(2));
    let [Moved::RetryAt(at)] = moved[..] else { panic!("not repeated: {moved:?}") };
    assert_eq!(journey.receipt(1, &Arc::from("a"), sent, retry, Time(3)), []);
    assert_eq!(journey.begin(at), Some(2));
}

#[test]
fn a_failed_receipt_of_an_attempt_that_was_repeated_does_not_fail_the_repetition() {
    let retry = Rules { unknown: crate::app::UnknownPolicy::Retry, retry_ms: 60_000, ..RULES };
    let mut journey = delivery(&["A", "B"]);
    journey.begin(Time(1));
    let moved = journey.finish(1, Outcome::Unknown { parts: vec![] }, retry, Time(2));
    let [Moved::RetryAt(at)] = moved[..] else { panic!("not repeated: {moved:?}") };
    journey.begin(at);
    assert_eq!(journey.receipt(1, &Arc::from("a"), receipt(Status::Failed), retry, at), []);
    assert_eq!(journey.phase, Phase::Attempting);
}

#[test]
fn the_timeline_keeps_its_first_step_and_the_newest_ones() {
    let mut journey = delivery(&["A"]);
    journey.begin(Time(1));
    for part in 0..200 {
        let reason = Reason::new(ReasonKind::ChannelFailure, format!("{part}"));
        let failed = Receipt { status: Status::Failed, reason: Some(reason), at: Time(2) };
        journey.receipt(1, &Arc::from("a"), failed, RULES, Time(2));
    }
    journey.finish(1, accepted("a"), RULES, Time(3));
    assert!(journey.steps.len() <= machine::STEPS_MAX);
    assert_eq!(journey.steps[0].what, StepKind::Planned);
    assert!(matches!(journey.steps.last().unwrap().what, StepKind::GaveUp { .. }));
}

/// What can happen to one attempt: its answer, and any receipt. All but the answer may come often and in any order.
fn act(journey: &mut Delivery, number: u32, action: usize) -> Vec<Moved> {
    let part: Arc<str> = Arc::from(format!("p{number}"));
    let statuses = [
        Status::Queued,
        Status::SwitchingChannel,
        Status::HandedOver,
        Status::Failed,
        Status::Delivered,
        Status::Read,
    ];
    match statuses.get(action) {
        Some(status) => journey.receipt(number, &part, receipt(*status), RULES, Time(2)),
        None => journey.finish(number, Outcome::Accepted { parts: vec![part] }, RULES, Time(2)),
    }
}

const ANSWER: usize = 6;

/// Never goes back: by leg and status, and above all legs once it has arrived.
fn rank(journey: &Delivery) -> (usize, Status) {
    let leg = if journey.status >= Status::Delivered { usize::MAX } else { journey.leg };
    (leg, journey.status)
}

/// Plays the actions on the first leg, then lets a second one, if it was switched to, be accepted.
fn ended(legs: &[&str], actions: &[usize]) -> (Status, Phase, Option<ReasonKind>) {
    let mut journey = delivery(legs);
    journey.begin(Time(1));
    let mut before = rank(&journey);
    for action in actions {
        act(&mut journey, 1, *action);
        assert!(rank(&journey) >= before, "{actions:?}: {before:?} became {:?}", rank(&journey));
        before = rank(&journey);
    }
    if let Some(number) = journey.begin(Time(3)) {
        act(&mut journey, number, ANSWER);
        assert!(rank(&journey) >= before);
    }
    (journey.status, journey.phase, journey.reason.map(|reason| reason.kind))
}

proptest! {
    #[test]
    fn every_order_and_repetition_of_answer_and_receipts_ends_the_same(
        (first, second) in actions().prop_flat_map(|one| (Just(one.clone()), Just(one).prop_shuffle())),
        again in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut second = second;
        for index in again {
            // Receipts come twice; an answer does not.
            let repeated = *index.get(&second);
            second.extend((repeated != ANSWER).then_some(repeated));
        }
        for legs in [&["A"][..], &["A", "B"]] {
            prop_assert_eq!(ended(legs, &first), ended(legs, &second));
        }
        let highest = first.iter().copied().filter(|action| *action >= 3 && *action < ANSWER).max();
        let expected = [Status::HandedOver, Status::Failed, Status::Delivered, Status::Read];
        let expected = expected[highest.map_or(0, |action| action - 2)];
        prop_assert_eq!(ended(&["A"], &first).0, expected);
    }

    #[test]
    fn parts_in_any_order_end_the_same(
        (first, second) in part_receipts().prop_flat_map(|one| (Just(one.clone()), Just(one).prop_shuffle())),
        answered_at in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
    ) {
        let both = parts(["a", "b"]);
        let play = |receipts: &[(usize, Status)], at: usize| {
            let mut journey = delivery(&["A"]);
            journey.begin(Time(1));
            for (place, (part, status)) in receipts.iter().enumerate() {
                if place == at {
                    journey.finish(1, Outcome::Accepted { parts: both.clone() }, RULES, Time(2));
                }
                journey.receipt(1, &both[*part], receipt(*status), RULES, Time(2));
            }
            journey.finish(1, Outcome::Accepted { parts: both.clone() }, RULES, Time(2));
            journey.status
        };
        let (one, other) = (answered_at.0.index(first.len()), answered_at.1.index(first.len()));
        prop_assert_eq!(play(&first, one), play(&second, other));
    }
}

/// The answer, and some receipts.
fn actions() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..ANSWER, 0..8).prop_map(|mut receipts| {
        receipts.push(ANSWER);
        receipts
    })
}

fn part_receipts() -> impl Strategy<Value = Vec<(usize, Status)>> {
    let status = prop::sample::select(vec![Status::Failed, Status::Delivered, Status::Read]);
    prop::collection::vec((0..2usize, status), 1..8)
}

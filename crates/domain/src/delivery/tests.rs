//! The lattice under permutations, and the plan's walk.

use std::sync::Arc;

use super::*;
use crate::app::UnknownPolicy;

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

#[test]
fn second_failure_moves_to_next_channel_and_the_last_one_fails() {
    let mut journey = delivery(&["A", "B"]);
    let no = || Outcome::Refused(Reason::new(ReasonKind::RecipientNotReachable, "no"));
    assert_eq!(journey.begin(Time(1)), Some(1));
    assert!(matches!(journey.finish(1, no(), UnknownPolicy::Hold, Time(2)), Moved::Switched(_)));
    assert_eq!(journey.address().channel.as_str(), "B");
    assert_eq!(journey.begin(Time(3)), Some(2));
    assert!(matches!(journey.finish(2, no(), UnknownPolicy::Hold, Time(4)), Moved::Failed(_)));
    assert_eq!(journey.status, Status::Failed);
}

#[test]
fn an_expired_message_does_not_fail_over() {
    let mut journey = delivery(&["A", "B"]);
    journey.begin(Time(1));
    let no = Outcome::Refused(Reason::new(ReasonKind::RecipientNotReachable, "no"));
    assert!(matches!(journey.finish(1, no, UnknownPolicy::Hold, Time(10_000)), Moved::Failed(_)));
}

#[test]
fn every_order_of_receipts_and_answer_ends_the_same() {
    let part: Arc<str> = Arc::from("p");
    let orders: [[u8; 4]; 5] = [[0, 1, 2, 3], [1, 0, 2, 3], [2, 1, 0, 3], [0, 2, 1, 2], [2, 2, 0, 1]];
    for order in orders {
        let mut journey = delivery(&["A"]);
        journey.begin(Time(1));
        for action in order {
            match action {
                0 => drop(journey.finish(1, accepted("p"), UnknownPolicy::Hold, Time(2))),
                1 => drop(journey.receipt(1, &part, receipt(Status::Delivered), Time(2))),
                2 => drop(journey.receipt(1, &part, receipt(Status::Read), Time(2))),
                _ => drop(journey.receipt(1, &part, receipt(Status::Failed), Time(2))),
            }
        }
        assert_eq!(journey.status, Status::Read, "{order:?}");
    }
}

#[test]
fn a_message_in_parts_is_delivered_when_all_parts_are() {
    let parts: Vec<Arc<str>> = vec![Arc::from("a"), Arc::from("b")];
    let mut journey = delivery(&["A"]);
    journey.begin(Time(1));
    journey.finish(1, Outcome::Accepted { parts: parts.clone() }, UnknownPolicy::Hold, Time(2));
    assert_eq!(journey.receipt(1, &parts[0], receipt(Status::Delivered), Time(3)), Moved::Nothing);
    assert_eq!(journey.receipt(1, &parts[0], receipt(Status::Delivered), Time(3)), Moved::Nothing);
    assert_eq!(
        journey.receipt(1, &parts[1], receipt(Status::Delivered), Time(3)),
        Moved::Advanced(Status::Delivered)
    );
}

#[test]
fn a_held_attempt_ends_as_report_timed_out() {
    let mut journey = delivery(&["A", "B"]);
    journey.begin(Time(1));
    let moved = journey.finish(1, Outcome::Unknown { parts: vec![] }, UnknownPolicy::Hold, Time(2));
    assert_eq!(moved, Moved::Held(Time(10_000)));
    let Moved::Failed(reason) = journey.expire(Time(10_000)) else { panic!("held past its time") };
    assert_eq!(reason.kind, ReasonKind::ReportTimedOut);
}

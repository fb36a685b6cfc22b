//! Conformance of the log: gap-free, in order, behind each tenant's wall.
//! Each case takes a fresh store.

use domain::event::Event;
use domain::id::Id;
use domain::time::Time;
use ports::{Batch, ErrorKind};

use super::{Whole, batch, keep, tenant};
use crate::samples::event;

fn with_events(id: u128, events: Vec<Event>) -> Batch {
    Batch { events, ..batch(id, Vec::new()) }
}

fn positions(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.position).collect()
}

pub async fn events_come_back_in_order(store: &impl Whole) {
    let all: Vec<Event> = (1..=5).map(|position| event(position, tenant(1), Id(1))).collect();
    keep(store, with_events(1, all[..2].to_vec())).await;
    keep(store, with_events(2, all[2..].to_vec())).await;
    assert_eq!(store.head().await.expect("the store answers"), (5, Time(0)));
    assert_eq!(store.events(None, 0, 100).await.expect("the store answers"), all);
    assert_eq!(positions(&store.events(None, 1, 2).await.expect("the store answers")), [2, 3]);
    assert!(store.events(None, 5, 2).await.expect("the store answers").is_empty());
    assert!(store.events(None, 0, 0).await.expect("the store answers").is_empty());
}

pub async fn a_gap_in_the_log_is_refused(store: &impl Whole) {
    keep(store, with_events(1, vec![event(1, tenant(1), Id(1))])).await;
    let bad = [vec![3], vec![1], vec![0], vec![2, 4], vec![3, 2]];
    for (id, positions) in (2..).zip(bad) {
        let events = positions.into_iter().map(|position| event(position, tenant(1), Id(1))).collect();
        let answer = store.commit(with_events(id, events)).await;
        assert_eq!(answer.expect_err("the store refuses").kind, ErrorKind::Invalid);
    }
    assert_eq!(store.head().await.expect("the store answers").0, 1);
    keep(store, with_events(9, vec![event(2, tenant(1), Id(1))])).await;
}

pub async fn events_of_a_tenant_stay_its_own(store: &impl Whole) {
    let events = (1..=6).map(|position| event(position, tenant(u128::from(position % 2)), Id(1))).collect();
    keep(store, with_events(1, events)).await;
    assert_eq!(positions(&store.events(Some(tenant(0)), 0, 10).await.expect("the store answers")), [2, 4, 6]);
    assert_eq!(positions(&store.events(Some(tenant(1)), 1, 1).await.expect("the store answers")), [3]);
    assert!(store.events(Some(tenant(7)), 0, 10).await.expect("the store answers").is_empty());
}

pub async fn events_of_a_message_are_found(store: &impl Whole) {
    let mut events: Vec<Event> =
        (1..=4).map(|position| event(position, tenant(1), Id(u128::from(position % 2)))).collect();
    events.push(Event { message: None, ..event(5, tenant(1), Id(0)) });
    events.push(event(6, tenant(2), Id(1)));
    keep(store, with_events(1, events)).await;
    assert_eq!(
        positions(&store.events_of_message(tenant(1), Id(1)).await.expect("the store answers")),
        [1, 3]
    );
    assert_eq!(positions(&store.events_of_message(tenant(2), Id(1)).await.expect("the store answers")), [6]);
    assert!(store.events_of_message(tenant(2), Id(0)).await.expect("the store answers").is_empty());
}

async fn five(store: &impl Whole) {
    let events = (1..=5).map(|position| event(position, tenant(1), Id(1))).collect();
    keep(store, with_events(1, events)).await;
}

async fn left(store: &impl Whole) -> Vec<u64> {
    positions(&store.events(None, 0, 100).await.expect("the store answers"))
}

async fn cut(store: &impl Whole, through: u64, limit: usize) -> usize {
    store.cut_log(through, limit).await.expect("the store answers")
}

pub async fn a_cut_forgets_the_oldest_and_no_more_than_asked(store: &impl Whole) {
    five(store).await;
    assert_eq!(cut(store, 3, 2).await, 2);
    assert_eq!(left(store).await, [3, 4, 5]);
    // Again, up to the position, and then there is nothing to forget.
    assert_eq!(cut(store, 3, 2).await, 1);
    assert_eq!(left(store).await, [4, 5]);
    for (through, limit) in [(3, 2), (0, 9), (5, 0)] {
        assert_eq!(cut(store, through, limit).await, 0);
        assert_eq!(left(store).await, [4, 5]);
    }
}

pub async fn what_is_cut_is_in_no_read(store: &impl Whole) {
    five(store).await;
    assert_eq!(cut(store, 4, 9).await, 4);
    let (tenant, answers) = (tenant(1), "the store answers");
    assert_eq!(positions(&store.events(Some(tenant), 0, 9).await.expect(answers)), [5]);
    assert_eq!(positions(&store.events(Some(tenant), 2, 9).await.expect(answers)), [5]);
    assert_eq!(positions(&store.events_of_message(tenant, Id(1)).await.expect(answers)), [5]);
}

pub async fn positions_go_on_after_a_cut(store: &impl Whole) {
    five(store).await;
    // Further than the log reaches.
    assert_eq!(cut(store, u64::MAX, usize::MAX).await, 5);
    assert!(left(store).await.is_empty());
    assert_eq!(store.head().await.expect("the store answers").0, 5);
    let again = store.commit(with_events(2, vec![event(1, tenant(1), Id(1))])).await;
    assert_eq!(again.expect_err("the store refuses").kind, ErrorKind::Invalid);
    keep(store, with_events(3, vec![event(6, tenant(1), Id(1)), event(7, tenant(1), Id(1))])).await;
    assert_eq!(left(store).await, [6, 7]);
    assert_eq!(cut(store, 6, 9).await, 1);
    assert_eq!(left(store).await, [7]);
}

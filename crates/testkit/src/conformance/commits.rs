//! Conformance of commits: whole or not at all, checked against what was seen, found by id afterwards.
//! Each case takes a fresh store.

use domain::content::Content;
use domain::id::Id;
use domain::record::{Key, List, Listing, Record};
use domain::time::Time;
use ports::store::{Page, Write};
use ports::{Batch, Commit, Committed, ErrorKind};

use super::{Whole, batch, counter, keep, tenant, write};
use crate::samples;

/// A batch with something of everything, among it a write of `key`.
fn of_everything(id: u128, key: &Key, version: u64) -> Batch {
    let fresh = Key::counter(tenant(1), "fresh");
    Batch {
        writes: vec![write(&fresh, 0, 7), write(key, version, 8)],
        listings: vec![Listing {
            tenant: tenant(1),
            list: List::ContactsOfTenant,
            owner: Id(1),
            position: 1,
            target: Id(2),
        }],
        events: vec![samples::event(1, tenant(1), Id(3))],
        jobs: vec![samples::job(1, tenant(1), Time(1))],
        at: Time(50),
        ..batch(id, Vec::new())
    }
}

async fn nothing_was_kept(store: &impl Whole, id: u128) {
    assert_eq!(counter(store, &Key::counter(tenant(1), "fresh")).await, (0, None));
    assert_eq!(store.look_up(Id(id)).await.expect("the store answers"), Committed::No);
    assert_eq!(store.head().await.expect("the store answers"), (0, Time(0)));
    assert!(store.events(None, 0, 10).await.expect("the store answers").is_empty());
    assert!(store.jobs(Time::NEVER, None, 10).await.expect("the store answers").is_empty());
    let (list, owner) = (List::ContactsOfTenant, Id(1));
    let page =
        Page { tenant: tenant(1), list, owner, after: None, before: None, newest_first: false, limit: 9 };
    assert!(store.page(page).await.expect("the store answers").is_empty());
}

pub async fn a_stale_write_keeps_nothing(store: &impl Whole) {
    let key = Key::counter(tenant(1), "contested");
    keep(store, batch(1, vec![write(&key, 0, 1)])).await;
    for (id, seen) in [(2, 0), (3, 2)] {
        let answer = store.commit(of_everything(id, &key, seen)).await.expect("the store answers");
        assert_eq!(answer, Commit::Stale(vec![key.clone()]));
        nothing_was_kept(store, id).await;
    }
    keep(store, of_everything(4, &key, 1)).await;
    assert_eq!(store.head().await.expect("the store answers"), (1, Time(50)));
}

pub async fn a_stale_reliance_keeps_nothing(store: &impl Whole) {
    let key = Key::counter(tenant(1), "relied on");
    let other = Key::counter(tenant(1), "other");
    keep(store, batch(1, vec![write(&key, 0, 1)])).await;
    keep(store, batch(2, vec![write(&key, 1, 2)])).await;
    let mut relying = of_everything(3, &other, 0);
    relying.relied = vec![(key.clone(), 1)];
    assert_eq!(
        store.commit(relying.clone()).await.expect("the store answers"),
        Commit::Stale(vec![key.clone()])
    );
    nothing_was_kept(store, 3).await;
    relying.relied = vec![(key, 2)];
    keep(store, relying).await;
}

pub async fn absence_can_be_relied_on(store: &impl Whole) {
    let absent = Key::counter(tenant(1), "absent");
    let other = Key::counter(tenant(1), "other");
    let mut relying = batch(1, vec![write(&other, 0, 1)]);
    relying.relied = vec![(absent.clone(), 0)];
    keep(store, relying).await;
    keep(store, batch(2, vec![write(&absent, 0, 1)])).await;
    let mut relying = batch(3, vec![write(&other, 1, 2)]);
    relying.relied = vec![(absent.clone(), 0)];
    assert_eq!(store.commit(relying).await.expect("the store answers"), Commit::Stale(vec![absent]));
    assert_eq!(counter(store, &other).await, (1, Some(1)));
}

pub async fn a_row_that_is_there_is_not_made_again(store: &impl Whole) {
    // Ids are mostly drawn in order, and need not be.
    for (batch_id, id) in [(1, 5), (2, 3), (3, 9), (4, 4)] {
        keep(store, batch(batch_id, vec![made(id)])).await;
    }
    for id in [3, 4, 5, 9] {
        let answer = store.commit(batch(10 + id, vec![made(id)])).await.expect("the store answers");
        assert_eq!(answer, Commit::Stale(vec![made(id).key]), "{id}");
    }
    keep(store, batch(20, vec![made(10)])).await;
}

/// A row that is to be new, named by this id.
fn made(id: u128) -> Write {
    let content = Content::text(format!("content {id}"));
    Write {
        key: Key::id::<Content>(tenant(1), Id(id)),
        version: 0,
        record: Some(Record::Content(content.into())),
    }
}

pub async fn every_stale_row_is_named(store: &impl Whole) {
    let keys: Vec<Key> = ["a", "b", "c"].iter().map(|name| Key::counter(tenant(1), name)).collect();
    keep(store, batch(1, keys.iter().map(|key| write(key, 0, 1)).collect())).await;
    let mut late = batch(2, vec![write(&keys[0], 0, 2), write(&keys[1], 1, 2)]);
    late.relied = vec![(keys[2].clone(), 0)];
    let Commit::Stale(mut named) = store.commit(late).await.expect("the store answers") else {
        panic!("it was kept")
    };
    named.sort();
    assert_eq!(named, [keys[0].clone(), keys[2].clone()]);
}

pub async fn a_kept_batch_is_found_by_its_id(store: &impl Whole) {
    assert_eq!(store.look_up(Id(1)).await.expect("the store answers"), Committed::No);
    keep(store, batch(1, Vec::new())).await;
    assert_eq!(store.look_up(Id(1)).await.expect("the store answers"), Committed::Yes);
    assert_eq!(store.look_up(Id(2)).await.expect("the store answers"), Committed::No);
}

pub async fn a_thousand_batches_are_remembered(store: &impl Whole) {
    for id in 1..=1_000 {
        keep(store, batch(id, Vec::new())).await;
    }
    assert_eq!(store.look_up(Id(1)).await.expect("the store answers"), Committed::Yes);
    assert_eq!(store.look_up(Id(1_000)).await.expect("the store answers"), Committed::Yes);
}

pub async fn a_batch_id_serves_once(store: &impl Whole) {
    let key = Key::counter(tenant(1), "number");
    keep(store, batch(1, Vec::new())).await;
    let again = store.commit(batch(1, vec![write(&key, 0, 1)])).await;
    assert_eq!(again.expect_err("the store refuses").kind, ErrorKind::Invalid);
    assert_eq!(counter(store, &key).await, (0, None));
}

pub async fn the_highest_time_is_kept(store: &impl Whole) {
    for (id, at) in [(1, 100), (2, 50)] {
        keep(store, Batch { at: Time(at), ..batch(id, Vec::new()) }).await;
    }
    assert_eq!(store.head().await.expect("the store answers"), (0, Time(100)));
}

pub async fn commits_at_once_all_happen(store: &impl Whole) {
    let key = |id: u128| Key::counter(tenant(1), &id.to_string());
    let commits = (1..=20).map(|id| store.commit(batch(id, vec![write(&key(id), 0, 1)])));
    for answer in futures_util::future::join_all(commits).await {
        assert_eq!(answer.expect("the store answers"), Commit::Committed);
    }
    let rows = store.load((1..=20).map(key).collect()).await.expect("the store answers");
    assert!(rows.iter().all(|row| row.version == 1));
}

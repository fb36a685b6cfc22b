//! The memory store passes the suite that real stores pass, and its tricks do what they say.
//! Clock and ids keep their own promises here too.

use domain::id::{Id, IdSource};
use domain::record::{Counter, Key, Record};
use domain::time::Time;
use ports::store::Write;
use ports::{Batch, Clock, Commit, Committed, Store, Vault};
use testkit::memory::Trick;
use testkit::{FakeClock, MemoryStore, NoVault, SeededIds};

async fn memory() -> MemoryStore {
    MemoryStore::new()
}

testkit::store_conformance!(memory_store, memory);

fn one_write(id: u128) -> Batch {
    let key = Key::counter(domain::id::TenantId(Id(1)), "number");
    let writes = vec![Write { key, version: 0, record: Some(Record::Counter(Counter(1).into())) }];
    Batch { id: Id(id), writes, ..Batch::default() }
}

#[tokio::test]
async fn tricks_work_once_and_in_order() {
    let store = MemoryStore::new();
    store.play(Trick::Stale);
    store.play(Trick::LoseAnswerDropped);
    store.play(Trick::LoseAnswerKept);
    assert!(matches!(store.commit(one_write(1)).await, Ok(Commit::Stale(keys)) if keys.len() == 1));
    assert!(store.commit(one_write(1)).await.is_err());
    assert_eq!(store.look_up(Id(1)).await.unwrap(), Committed::No);
    assert!(store.commit(one_write(1)).await.is_err());
    assert_eq!(store.look_up(Id(1)).await.unwrap(), Committed::Yes);
    assert_eq!(store.commits(), 1);
}

#[tokio::test]
async fn waiting_ends_when_the_clock_reaches_the_moment() {
    let clock = FakeClock::at(Time(0));
    let waiting = tokio::spawn(clock.wait_until(Time(10)));
    clock.advance_ms(9);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    clock.advance_ms(1);
    waiting.await.unwrap();
    clock.wait_until(Time(3)).await;
}

#[test]
fn seeded_ids_repeat_and_grow() {
    let draw = |seed| {
        let mut ids = SeededIds::new(seed);
        (0..1_000).map(|_| ids.next_id()).collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
    assert!(draw(1).is_sorted_by(|a, b| a < b));
    assert_eq!(draw(1)[0].uuid().as_bytes()[14], b'7');
}

#[test]
fn what_was_sealed_for_one_place_opens_nowhere_else() {
    let sealed = NoVault.seal("here", "secret");
    assert_eq!(NoVault.open("here", &sealed).unwrap(), "secret");
    assert!(NoVault.open("there", &sealed).is_err());
}

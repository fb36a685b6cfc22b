//! The store when the disk fails under its journal: nothing half-kept, and no second try of a sync. And what it knows to
//! be absent after a start.

use domain::record::{Counter, Record};
use ports::store::Write;
use testkit::{NoVault, TempFolder};

use super::*;
use crate::journal::Fault;

fn open(folder: &TempFolder, faults: &[Fault]) -> SqliteStore {
    let path = folder.path().join("trunkline.db");
    let fail = |journal: &Journal| faults.iter().for_each(|fault| journal.disk().fail(*fault));
    SqliteStore::open_on(&path, &Settings::default(), Arc::new(NoVault), fail).unwrap()
}

fn count(id: u128, version: u64) -> Batch {
    let record = Some(Record::Counter(Counter(version + 1).into()));
    Batch { id: Id(id), writes: vec![Write { key: key(), version, record }], ..Batch::default() }
}

fn key() -> Key {
    Key::counter(TenantId(Id(1)), "number")
}

async fn version(store: &SqliteStore) -> u64 {
    store.load(vec![key()]).await.unwrap()[0].version
}

#[tokio::test]
async fn a_full_disk_refuses_a_batch_and_the_store_goes_on() {
    let folder = TempFolder::new("sqlite");
    let store = open(&folder, &[Fault::FullAfter(30)]);
    assert_eq!(store.commit(count(1, 0)).await.unwrap_err().kind, ErrorKind::Unavailable);
    assert_eq!(store.look_up(Id(1)).await.unwrap(), Committed::No);
    assert_eq!(version(&store).await, 0);
    assert_eq!(store.commit(count(2, 0)).await.unwrap(), Commit::Committed);
    drop(store);
    let store = open(&folder, &[]);
    assert_eq!(version(&store).await, 1);
    assert_eq!(store.look_up(Id(1)).await.unwrap(), Committed::No);
}

#[tokio::test]
async fn a_failed_sync_stops_the_store_for_good() {
    let folder = TempFolder::new("sqlite");
    let store = open(&folder, &[Fault::Sync]);
    assert_eq!(store.commit(count(1, 0)).await.unwrap_err().kind, ErrorKind::Fatal);
    assert_eq!(store.failure().await.kind, ErrorKind::Fatal);
    // Nobody is told that it was kept, or that it was not: only a new start can know.
    assert_eq!(store.look_up(Id(1)).await.unwrap_err().kind, ErrorKind::Fatal);
    assert_eq!(store.commit(count(2, 0)).await.unwrap_err().kind, ErrorKind::Fatal);
    drop(store);
    let store = open(&folder, &[]);
    let kept = store.look_up(Id(1)).await.unwrap() == Committed::Yes;
    assert_eq!(version(&store).await, u64::from(kept));
    assert_eq!(store.look_up(Id(2)).await.unwrap(), Committed::No);
}

#[tokio::test]
async fn after_a_start_what_was_never_kept_is_known_to_be_absent_and_what_was_is_not() {
    let folder = TempFolder::new("sqlite");
    let other = Key::counter(TenantId(Id(1)), "another");
    let mut store = open(&folder, &[]);
    store.wait_for_census();
    assert!(store.is_absent(&key()) && store.is_absent(&other));
    assert_eq!(store.commit(count(1, 0)).await.unwrap(), Commit::Committed);
    assert!(!store.is_absent(&key()) && store.is_absent(&other));
    drop(store);
    let mut store = open(&folder, &[]);
    assert!(!store.is_absent(&key()), "while the names are still being read");
    store.wait_for_census();
    assert!(!store.is_absent(&key()) && store.is_absent(&other));
    // Told by the filter and by the tables, and by nobody else, that it is stale.
    assert_eq!(store.commit(count(2, 0)).await.unwrap(), Commit::Stale(vec![key()]));
}

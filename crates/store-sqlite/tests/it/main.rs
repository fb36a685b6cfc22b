//! SQLite behind its journal passes the conformance suite whether its batches wait in the backlog or not, agrees with
//! the store in memory, keeps what it acknowledged over every end, and minds the file's version.
//! Each test has a folder of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod backup;
mod crash;
mod model;
mod private;
mod room;
mod schema;
mod torn;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::content::Content;
use domain::event::Event;
use domain::id::{Id, JobId, TenantId};
use domain::job::Job;
use domain::record::{Counter, Key, Kind, Record};
use domain::time::Time;
use futures_util::future::BoxFuture;
use ports::store::{Page, Write};
use ports::{Batch, Claims, Commit, Committed, Error, ErrorKind, Reads, Row, Store};
use store_sqlite::{Settings, SqliteStore};
use testkit::{NoVault, TempFolder, samples};

/// A store with the folder it lives in. The store is dropped first.
struct InFolder {
    store: SqliteStore,
    folder: TempFolder,
}

fn database(folder: &TempFolder) -> PathBuf {
    folder.path().join("trunkline.db")
}

fn open_as(folder: &TempFolder, settings: &Settings) -> Result<SqliteStore, Error> {
    SqliteStore::open(&database(folder), settings, Arc::new(NoVault))
}

fn open(folder: &TempFolder) -> Result<SqliteStore, Error> {
    open_as(folder, &Settings::default())
}

/// Batches are applied only when the store closes, or somebody waits for that.
fn held() -> Settings {
    Settings { apply_linger: Duration::from_secs(1_000), segment_bytes: 256 << 10, ..Settings::default() }
}

/// Batches are applied at once and one by one, and the journal is cut often.
fn eager() -> Settings {
    Settings { apply_linger: Duration::ZERO, apply_bytes: 1, segment_bytes: 4 << 10, ..Settings::default() }
}

fn fresh_as(settings: &Settings) -> InFolder {
    let folder = TempFolder::new("sqlite");
    InFolder { store: open_as(&folder, settings).expect("an empty folder takes a store"), folder }
}

async fn fresh() -> InFolder {
    fresh_as(&Settings::default())
}

async fn fresh_held() -> InFolder {
    fresh_as(&held())
}

async fn fresh_eager() -> InFolder {
    fresh_as(&eager())
}

type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

impl Store for InFolder {
    fn is_absent(&self, key: &Key) -> bool {
        self.store.is_absent(key)
    }
    fn load(&self, keys: Vec<Key>) -> Answer<'_, Vec<Row>> {
        self.store.load(keys)
    }
    fn commit(&self, batch: Batch) -> Answer<'_, Commit> {
        self.store.commit(batch)
    }
    fn look_up(&self, batch: Id) -> Answer<'_, Committed> {
        self.store.look_up(batch)
    }
    fn head(&self) -> Answer<'_, (u64, Time)> {
        self.store.head()
    }
    fn cut_log(&self, through: u64, limit: usize) -> Answer<'_, usize> {
        self.store.cut_log(through, limit)
    }
}

impl Reads for InFolder {
    fn page(&self, page: Page) -> Answer<'_, Vec<(u64, Id)>> {
        self.store.page(page)
    }
    fn events(&self, tenant: Option<TenantId>, after: u64, limit: usize) -> Answer<'_, Vec<Event>> {
        self.store.events(tenant, after, limit)
    }
    fn events_of_message(&self, tenant: TenantId, message: Id) -> Answer<'_, Vec<Event>> {
        self.store.events_of_message(tenant, message)
    }
    fn rows_after(&self, kind: Kind, after: Option<Key>, limit: usize) -> Answer<'_, Vec<Row>> {
        self.store.rows_after(kind, after, limit)
    }
    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> Answer<'_, Vec<Row>> {
        self.store.scan(tenant, kind)
    }
}

impl Claims for InFolder {
    fn jobs(&self, due: Time, after: Option<(Time, JobId)>, limit: usize) -> Answer<'_, Vec<Job>> {
        self.store.jobs(due, after, limit)
    }
}

testkit::store_conformance!(sqlite, fresh);
testkit::store_conformance!(sqlite_all_in_the_backlog, fresh_held);
testkit::store_conformance!(sqlite_applied_at_once, fresh_eager);

#[tokio::test]
async fn what_was_acknowledged_is_there_after_reopening() {
    let InFolder { store, folder } = fresh().await;
    let tenant = TenantId(Id(1));
    let key = Key::counter(tenant, "number");
    let record = Some(Record::Counter(Counter(5).into()));
    let batch = Batch {
        id: Id(9),
        writes: vec![Write { key: key.clone(), version: 0, record: record.clone() }],
        events: vec![samples::event(1, tenant, Id(3))],
        jobs: vec![samples::job(1, tenant, Time(10))],
        at: Time(77),
        ..Batch::default()
    };
    assert_eq!(store.commit(batch).await.unwrap(), Commit::Committed);
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!(store.load(vec![key.clone()]).await.unwrap(), [Row { key, version: 1, record }]);
    assert_eq!(store.look_up(Id(9)).await.unwrap(), Committed::Yes);
    assert_eq!(store.head().await.unwrap(), (1, Time(77)));
    assert_eq!(store.events(None, 0, 9).await.unwrap(), [samples::event(1, tenant, Id(3))]);
    assert_eq!(store.jobs(Time(10), None, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_row_is_not_made_again_after_reopening() {
    let folder = TempFolder::new("made-again");
    let made = |tenant: u128, number: u128| {
        let content = Record::Content(Content::text(number.to_string()).into());
        let key = Key::id::<Content>(TenantId(Id(tenant)), Id(number));
        Batch { writes: vec![Write { key, version: 0, record: Some(content) }], ..crash::empty(number) }
    };
    let store = open(&folder).unwrap();
    for batch in [made(1, 70), made(2, 50), made(3, 60)] {
        assert_eq!(store.commit(batch).await.unwrap(), Commit::Committed);
    }
    drop(store);
    let store = open(&folder).unwrap();
    for batch in [made(1, 70), made(2, 50), made(3, 60)] {
        let again = Batch { id: Id(batch.id.0 + 100), ..batch };
        assert!(matches!(store.commit(again).await.unwrap(), Commit::Stale(keys) if keys.len() == 1));
    }
    assert_eq!(store.commit(made(2, 71)).await.unwrap(), Commit::Committed);
}

#[tokio::test]
async fn a_full_disk_lets_batches_wait_and_then_refuses_them_and_harms_nothing() {
    let InFolder { store, folder } = fresh().await;
    drop(store);
    let tenant = TenantId(Id(1));
    let content = domain::content::Content::text("x".repeat(64 << 10));
    let write = |id: u128| {
        let key = Key::id::<domain::content::Content>(tenant, Id(id));
        let record = Some(Record::Content(content.clone().into()));
        Batch { id: Id(id), writes: vec![Write { key, version: 0, record }], ..Batch::default() }
    };
    // The limit on pages stands for the disk's end: SQLite answers both with the same error. The journal has room.
    let settings =
        Settings { pages_max: Some(80), backlog_bytes: 512 << 10, apply_linger: Duration::ZERO, ..held() };
    let store = open_as(&folder, &settings).unwrap();
    let mut refused = None;
    for id in 1..40 {
        if let Err(error) = store.commit(write(id)).await {
            refused = Some((id, error.kind));
            break;
        }
    }
    let (id, kind) = refused.expect("the backlog is full before");
    assert_eq!(kind, ErrorKind::Unavailable);
    assert_eq!(store.look_up(Id(id)).await.unwrap(), Committed::No);
    // What was acknowledged is there, in the tables or not, and still is when there is room again.
    assert_eq!(store.scan(None, Kind::Content).await.unwrap().len() as u128, id - 1);
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!(store.scan(None, Kind::Content).await.unwrap().len() as u128, id - 1);
    assert_eq!(store.commit(write(id)).await.unwrap(), Commit::Committed);
}

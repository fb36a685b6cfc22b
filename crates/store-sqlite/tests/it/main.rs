//! SQLite passes the conformance suite, keeps what it acknowledged over a reopening, and minds the file's version.
//! Each test has a folder of its own.

use std::sync::Arc;

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

fn open(folder: &TempFolder) -> Result<SqliteStore, Error> {
    SqliteStore::open(&folder.path().join("trunkline.db"), &Settings::default(), Arc::new(NoVault))
}

async fn fresh() -> InFolder {
    let folder = TempFolder::new("sqlite");
    InFolder { store: open(&folder).expect("an empty folder takes a store"), folder }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, Error>>;

impl Store for InFolder {
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
async fn a_newer_file_is_refused_and_left_alone() {
    let InFolder { store, folder } = fresh().await;
    drop(store);
    let raw = rusqlite::Connection::open(folder.path().join("trunkline.db")).unwrap();
    raw.pragma_update(None, "user_version", 999).unwrap();
    let error = open(&folder).err().unwrap();
    assert_eq!(error.kind, ErrorKind::TooNew);
    assert!(error.to_string().contains("newer version"), "{error}");
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_as_corrupt() {
    let folder = TempFolder::new("sqlite");
    std::fs::write(folder.path().join("trunkline.db"), "no database at all, just words. ".repeat(200))
        .unwrap();
    assert_eq!(open(&folder).err().unwrap().kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_full_disk_refuses_a_batch_and_harms_nothing() {
    let InFolder { store, folder } = fresh().await;
    let tenant = TenantId(Id(1));
    let content = domain::content::Content::text("x".repeat(64 << 10));
    let write = |id: u128| {
        let key = Key::id::<domain::content::Content>(tenant, Id(id));
        let record = Some(Record::Content(content.clone().into()));
        Batch { id: Id(id), writes: vec![Write { key, version: 0, record }], ..Batch::default() }
    };
    assert_eq!(store.commit(write(1)).await.unwrap(), Commit::Committed);
    drop(store);
    // The limit on pages stands for the disk's end: SQLite answers both with the same error.
    let settings = Settings { pages_max: Some(80), ..Settings::default() };
    let path = folder.path().join("trunkline.db");
    let store = SqliteStore::open(&path, &settings, Arc::new(NoVault)).unwrap();
    let mut refused = None;
    for id in 2..20 {
        if let Err(error) = store.commit(write(id)).await {
            refused = Some((id, error.kind));
            break;
        }
    }
    let (id, kind) = refused.expect("the disk is full before");
    assert_eq!(kind, ErrorKind::Unavailable);
    assert_eq!(store.look_up(Id(id)).await.unwrap(), Committed::No);
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!(store.scan(None, Kind::Content).await.unwrap().len() as u128, id - 1);
    assert_eq!(store.commit(write(id)).await.unwrap(), Commit::Committed);
}

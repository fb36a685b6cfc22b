//! Commits that go wrong: stale, lost answers; and answers that are kept under a key.
//! The store in memory plays the tricks that real ones do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use domain::app::App;
use domain::command::admin::PutApp;
use domain::command::send::{Send, Sent};
use domain::content::Face;
use domain::delivery::Status;
use domain::id::Id;
use domain::record::Key;
use domain::time::Time;
use engine::{Engine, Failure, OnceFailure, OnceKey, Rejected, StoredAnswer, domain};
use futures_util::future::BoxFuture;
use ports::{Batch, Commit, Committed, Error, ErrorKind, Row, Store};
use testkit::MemoryStore;
use testkit::memory::Trick;

use crate::house::{APP, House, TENANT, accepted, callback, found, genuine, send, text, until_status};

#[tokio::test]
async fn a_stale_batch_is_decided_again_and_kept_once() {
    let house = House::new();
    let engine = house.open().await;
    let before = house.store.commits();
    [Trick::Stale, Trick::Stale].into_iter().for_each(|trick| house.store.play(trick));
    send(&engine, text("1", "hello", &["ALPHA"])).await;
    assert_eq!(house.submitted(), 1);
    assert!(house.store.commits() > before);
}

#[tokio::test]
async fn a_row_written_whole_without_reading_it_replaces_what_an_earlier_run_wrote() {
    let house = House::new();
    house.open().await.shutdown().await;
    let engine = house.start().await;
    let app = engine.directory().apps().next().unwrap().clone();
    let renamed = App { name: "renamed".to_owned(), ..App::clone(&app) };
    engine.execute(PutApp(renamed)).await.unwrap();
    assert_eq!(engine.directory().apps().next().unwrap().name, "renamed");
}

#[tokio::test]
async fn what_stays_stale_is_refused_as_unavailable() {
    let house = House::new();
    let engine = house.open().await;
    [Trick::Stale; 5].into_iter().for_each(|trick| house.store.play(trick));
    let answer = engine.execute(text("1", "hello", &["ALPHA"])).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))));
    assert_eq!(house.submitted(), 0);
}

#[tokio::test]
async fn a_lost_answer_of_a_kept_batch_is_looked_up() {
    let house = House::new();
    let engine = house.open().await;
    house.store.play(Trick::LoseAnswerKept);
    send(&engine, text("1", "hello", &["ALPHA"])).await;
    send(&engine, text("1", "again", &["ALPHA"])).await;
    assert_eq!(house.submitted(), 2);
}

#[tokio::test]
async fn a_batch_that_was_not_kept_promises_nothing_and_can_be_repeated() {
    let house = House::new();
    let engine = house.open().await;
    house.store.play(Trick::LoseAnswerDropped);
    let answer = engine.execute(text("1", "hello", &["ALPHA"])).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))));
    assert_eq!(house.submitted(), 0);
    send(&engine, text("1", "hello", &["ALPHA"])).await;
    assert_eq!(house.submitted(), 1);
}

/// A store that once cannot even say whether it kept a batch.
struct Silent {
    store: MemoryStore,
    silent: AtomicBool,
}

impl Store for Silent {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.load(keys)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        self.store.commit(batch)
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        if self.silent.swap(false, Ordering::Relaxed) {
            return Box::pin(async { Err(Error::new(ErrorKind::Unavailable, "not now")) });
        }
        self.store.look_up(batch)
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        self.store.head()
    }
}

#[tokio::test]
async fn after_a_commit_of_unknown_fate_the_engine_catches_up_with_the_store() {
    let house = House::new();
    let store = Silent { store: house.store.clone(), silent: AtomicBool::new(true) };
    let engine = house.start_over(Arc::new(store)).await;
    found(&engine, None).await;
    house.store.play(Trick::LoseAnswerKept);
    let answer = engine.execute(text("1", "hello", &["ALPHA"])).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))));
    send(&engine, text("1", "again", &["ALPHA"])).await;
    assert_eq!(house.submitted(), 2);
}

/// A store that has no room while told so.
struct Full {
    store: MemoryStore,
    full: Arc<AtomicBool>,
}

impl Store for Full {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.load(keys)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        self.store.commit(batch)
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        self.store.look_up(batch)
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        self.store.head()
    }

    fn has_room(&self) -> bool {
        !self.full.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn a_full_store_refuses_what_brings_content_and_nothing_else() {
    let house = House::new();
    let full = Arc::new(AtomicBool::new(false));
    let engine = house.start_over(Arc::new(Full { store: house.store.clone(), full: full.clone() })).await;
    found(&engine, None).await;
    house.alpha.answers(accepted("p1"));
    let earlier = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until_status(&engine, earlier, Status::HandedOver).await;
    full.store(true, Ordering::Relaxed);
    let refused = engine.execute(text("1", "more", &["ALPHA"])).await;
    assert!(matches!(refused, Err(Failure::Unavailable(_))));
    let inbound = genuine("message 1 source-1 hello");
    assert_eq!(engine.provider_callback("alpha", APP, inbound.clone()).await, Err(Rejected::Unavailable));
    callback(&engine, "alpha", "receipt p1 - delivered").await;
    until_status(&engine, earlier, Status::Delivered).await;
    let app = engine.directory().apps().next().unwrap().clone();
    engine.execute(PutApp(App { name: "renamed".to_owned(), ..App::clone(&app) })).await.unwrap();
    full.store(false, Ordering::Relaxed);
    assert_eq!(engine.provider_callback("alpha", APP, inbound).await, Ok(()));
}

#[tokio::test]
async fn without_room_a_known_key_gets_its_answer_and_a_new_one_is_refused() {
    let house = House::new();
    let full = Arc::new(AtomicBool::new(true));
    let engine = house.start_over(Arc::new(Full { store: house.store.clone(), full: full.clone() })).await;
    found(&engine, None).await;
    assert!(matches!(once(&engine, "hello").await, Err(OnceFailure::Failed(Failure::Unavailable(_)))));
    full.store(false, Ordering::Relaxed);
    let first = once(&engine, "hello").await.unwrap();
    full.store(true, Ordering::Relaxed);
    assert_eq!(once(&engine, "hello").await.unwrap(), first);
    assert_eq!(house.submitted(), 1);
}

/// A store whose disk fails under the next commit.
struct Failing {
    store: MemoryStore,
    fails: AtomicBool,
}

impl Store for Failing {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.load(keys)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        if self.fails.load(Ordering::Relaxed) {
            return Box::pin(async { Err(Error::new(ErrorKind::Fatal, "the disk failed")) });
        }
        self.store.commit(batch)
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        self.store.look_up(batch)
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        self.store.head()
    }
}

/// A store that stops by itself, whether it is asked or not.
struct Stopped(MemoryStore);

impl Store for Stopped {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.0.load(keys)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        self.0.commit(batch)
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        self.0.look_up(batch)
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        self.0.head()
    }

    fn failure(&self) -> BoxFuture<'_, Error> {
        Box::pin(async { Error::new(ErrorKind::Fatal, "the tables cannot be written") })
    }
}

#[tokio::test]
async fn a_store_that_stopped_by_itself_is_told_before_anything_is_asked_of_it() {
    let house = House::new();
    let engine = house.start_over(Arc::new(Stopped(house.store.clone()))).await;
    assert!(engine.broken().await.contains("the tables cannot be written"));
}

#[tokio::test]
async fn a_disk_that_failed_ends_the_engine_and_nothing_is_acknowledged_after_it() {
    let house = House::new();
    let store = Arc::new(Failing { store: house.store.clone(), fails: AtomicBool::new(false) });
    let engine = house.start_over(store.clone()).await;
    found(&engine, None).await;
    store.fails.store(true, Ordering::Relaxed);
    let answer = engine.execute(text("1", "hello", &["ALPHA"])).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))));
    assert_eq!(&*engine.broken().await, "the disk failed");
    // Even if the disk seems well again: what it holds is not known.
    store.fails.store(false, Ordering::Relaxed);
    assert!(!engine.is_ready());
    assert!(engine.execute(text("1", "hello", &["ALPHA"])).await.is_err());
    engine.shutdown().await;
    assert_eq!(house.submitted(), 0);
}

async fn once(
    engine: &Engine,
    words: &str,
) -> Result<StoredAnswer, OnceFailure<domain::command::send::Refusal>> {
    let mut fingerprint = [0; 32];
    fingerprint[..words.len()].copy_from_slice(words.as_bytes());
    let key = OnceKey { tenant: TENANT, face: Face::Sinch, key: "k".to_owned(), fingerprint };
    let command: Send = text("1", words, &["ALPHA"]);
    let render = |sent: &Sent| StoredAnswer { status: 200, body: sent.message.ulid().into_bytes() };
    engine.execute_once(key, command, render).await
}

#[tokio::test]
async fn the_same_key_and_request_get_the_same_answer_even_at_once_and_after_a_restart() {
    let house = House::new();
    let engine = house.open().await;
    let (first, second) = tokio::join!(once(&engine, "hello"), once(&engine, "hello"));
    let first = first.unwrap();
    assert_eq!(first, second.unwrap());
    engine.shutdown().await;
    let engine = house.start().await;
    assert_eq!(first, once(&engine, "hello").await.unwrap());
    assert_eq!(house.submitted(), 1);
}

#[tokio::test]
async fn the_same_key_with_another_request_is_refused() {
    let house = House::new();
    let engine = house.open().await;
    once(&engine, "hello").await.unwrap();
    assert!(matches!(once(&engine, "other").await, Err(OnceFailure::Reused)));
    assert_eq!(house.submitted(), 1);
}

#[tokio::test]
async fn after_a_day_the_key_is_free_again() {
    let house = House::new();
    let engine = house.open().await;
    once(&engine, "hello").await.unwrap();
    house.clock.advance_ms(24 * 3_600_000);
    once(&engine, "other").await.unwrap();
    assert_eq!(house.submitted(), 2);
}

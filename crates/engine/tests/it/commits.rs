//! Commits that go wrong: stale, lost answers; and answers that are kept under a key.
//! The store in memory plays the tricks that real ones do.

use std::sync::{Arc, Mutex};

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

/// What ails a store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ailment {
    None,
    /// Once it cannot even say whether it kept a batch.
    Silent,
    /// It has no room.
    Full,
    /// Its disk fails under the next commit.
    Failing,
    /// It stopped by itself, whether it is asked or not.
    Stopped,
}

/// A store that something may ail.
struct Ailing {
    store: MemoryStore,
    ailment: Mutex<Ailment>,
}

impl Ailing {
    fn of(house: &House, ailment: Ailment) -> Arc<Ailing> {
        Arc::new(Ailing { store: house.store.clone(), ailment: Mutex::new(ailment) })
    }

    fn set(&self, ailment: Ailment) {
        *self.ailment.lock().unwrap() = ailment;
    }

    fn has(&self, ailment: Ailment) -> bool {
        *self.ailment.lock().unwrap() == ailment
    }
}

impl Store for Ailing {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.load(keys)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        if self.has(Ailment::Failing) {
            return Box::pin(async { Err(Error::new(ErrorKind::Fatal, "the disk failed")) });
        }
        self.store.commit(batch)
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        if self.has(Ailment::Silent) {
            self.set(Ailment::None);
            return Box::pin(async { Err(Error::new(ErrorKind::Unavailable, "not now")) });
        }
        self.store.look_up(batch)
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        self.store.head()
    }

    fn has_room(&self) -> bool {
        !self.has(Ailment::Full)
    }

    fn failure(&self) -> BoxFuture<'_, Error> {
        if self.has(Ailment::Stopped) {
            return Box::pin(async { Error::new(ErrorKind::Fatal, "the tables cannot be written") });
        }
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn after_a_commit_of_unknown_fate_the_engine_catches_up_with_the_store() {
    let house = House::new();
    let engine = house.start_over(Ailing::of(&house, Ailment::Silent)).await;
    found(&engine, None).await;
    house.store.play(Trick::LoseAnswerKept);
    let answer = engine.execute(text("1", "hello", &["ALPHA"])).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))));
    send(&engine, text("1", "again", &["ALPHA"])).await;
    assert_eq!(house.submitted(), 2);
}

#[tokio::test]
async fn a_full_store_refuses_what_brings_content_and_nothing_else() {
    let house = House::new();
    let store = Ailing::of(&house, Ailment::None);
    let engine = house.start_over(store.clone()).await;
    found(&engine, None).await;
    house.alpha.answers(accepted("p1"));
    let earlier = send(&engine, text("1", "hello", &["ALPHA"])).await;
    until_status(&engine, earlier, Status::HandedOver).await;
    store.set(Ailment::Full);
    let refused = engine.execute(text("1", "more", &["ALPHA"])).await;
    assert!(matches!(refused, Err(Failure::Unavailable(_))));
    let inbound = genuine("message 1 source-1 hello");
    assert_eq!(engine.provider_callback("alpha", APP, inbound.clone()).await, Err(Rejected::Unavailable));
    callback(&engine, "alpha", "receipt p1 - delivered").await;
    until_status(&engine, earlier, Status::Delivered).await;
    let app = engine.directory().apps().next().unwrap().clone();
    engine.execute(PutApp(App { name: "renamed".to_owned(), ..App::clone(&app) })).await.unwrap();
    store.set(Ailment::None);
    assert_eq!(engine.provider_callback("alpha", APP, inbound).await, Ok(()));
}

#[tokio::test]
async fn without_room_a_known_key_gets_its_answer_and_a_new_one_is_refused() {
    let house = House::new();
    let store = Ailing::of(&house, Ailment::Full);
    let engine = house.start_over(store.clone()).await;
    found(&engine, None).await;
    assert!(matches!(once(&engine, "hello").await, Err(OnceFailure::Failed(Failure::Unavailable(_)))));
    store.set(Ailment::None);
    let first = once(&engine, "hello").await.unwrap();
    store.set(Ailment::Full);
    assert_eq!(once(&engine, "hello").await.unwrap(), first);
    // A key whose time is over is a new one.
    house.clock.advance_ms(house.limits.answers_kept_s * 1_000);
    assert!(matches!(once(&engine, "hello").await, Err(OnceFailure::Failed(Failure::Unavailable(_)))));
    assert_eq!(house.submitted(), 1);
}

#[tokio::test]
async fn a_store_that_stopped_by_itself_is_told_before_anything_is_asked_of_it() {
    let house = House::new();
    let engine = house.start_over(Ailing::of(&house, Ailment::Stopped)).await;
    assert!(engine.broken().await.contains("the tables cannot be written"));
}

#[tokio::test]
async fn a_disk_that_failed_ends_the_engine_and_nothing_is_acknowledged_after_it() {
    let house = House::new();
    let store = Ailing::of(&house, Ailment::None);
    let engine = house.start_over(store.clone()).await;
    found(&engine, None).await;
    store.set(Ailment::Failing);
    let answer = engine.execute(text("1", "hello", &["ALPHA"])).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))));
    assert_eq!(&*engine.broken().await, "the disk failed");
    // Even if the disk seems well again: what it holds is not known.
    store.set(Ailment::None);
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

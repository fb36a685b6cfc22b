//! Batches in flight: the next one is decided above a batch that the store has not confirmed yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use domain::event::Fact;
use domain::id::{Id, MessageId};
use domain::message::Message;
use domain::record::Key;
use domain::time::Time;
use engine::{Engine, Failure, domain};
use futures_util::future::BoxFuture;
use ports::{Batch, Commit, Committed, Error, Row, Store};
use testkit::MemoryStore;
use testkit::memory::Trick;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::house::{House, TENANT, found, quiet, text};

/// A store that keeps a batch waiting until it is let go.
struct Slow {
    store: MemoryStore,
    slow: AtomicBool,
    let_go: Semaphore,
    waiting: AtomicUsize,
    /// Most messages that one batch brought.
    most: AtomicUsize,
}

impl Slow {
    async fn open(house: &House) -> (Engine, Arc<Slow>) {
        let slow = Slow {
            store: house.store.clone(),
            slow: AtomicBool::new(false),
            let_go: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        };
        let slow = Arc::new(slow);
        let engine = house.start_over(slow.clone()).await;
        found(&engine, None).await;
        quiet().await;
        slow.slow.store(true, Ordering::Relaxed);
        (engine, slow)
    }

    fn let_go(&self) {
        self.slow.store(false, Ordering::Relaxed);
        self.let_go.add_permits(1);
    }

    fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

impl Store for Slow {
    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        self.store.load(keys)
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        let messages = batch.events.iter().filter(|event| event.fact == Fact::MessageSubmitted).count();
        self.most.fetch_max(messages, Ordering::Relaxed);
        Box::pin(async move {
            if self.slow.load(Ordering::Relaxed) {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                self.let_go.acquire().await.unwrap().forget();
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            self.store.commit(batch).await
        })
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        self.store.look_up(batch)
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        self.store.head()
    }
}

type Answer = JoinHandle<Result<MessageId, Failure<domain::command::send::Refusal>>>;

fn sending(engine: &Engine, person: &str, words: &str) -> Answer {
    let (engine, command) = (engine.clone(), text(person, words, &["ALPHA"]));
    tokio::spawn(async move { engine.execute(command).await.map(|sent| sent.message) })
}

/// One message in flight, and one to the same person decided above it.
async fn two(engine: &Engine, store: &Slow) -> (Answer, Answer) {
    let first = sending(engine, "1", "first");
    quiet().await;
    assert_eq!(store.waiting(), 1);
    let second = sending(engine, "1", "second");
    quiet().await;
    (first, second)
}

async fn number(engine: &Engine, message: MessageId) -> u64 {
    engine.get::<Message>(TENANT, message.0).await.unwrap().unwrap().number
}

fn is_gap_free(house: &House) -> bool {
    let events = house.store.all_events();
    events.iter().zip(1..).all(|(event, position)| event.position == position)
}

/// Both are answered, in order, and the log tells of both.
async fn both_are_kept(house: &House, engine: &Engine, first: Answer, second: Answer) {
    let (first, second) = (first.await.unwrap().unwrap(), second.await.unwrap().unwrap());
    assert_eq!(number(engine, second).await, number(engine, first).await + 1);
    assert_eq!(house.submitted(), 2);
    assert!(is_gap_free(house));
}

#[tokio::test]
async fn nobody_is_answered_and_nothing_is_seen_before_the_store_confirms() {
    let house = House::new();
    let (engine, store) = Slow::open(&house).await;
    let head = *engine.head().borrow();
    let (first, second) = two(&engine, &store).await;
    assert!(!first.is_finished() && !second.is_finished());
    assert_eq!((*engine.head().borrow(), house.submitted()), (head, 0));
    store.let_go();
    both_are_kept(&house, &engine, first, second).await;
}

#[tokio::test]
async fn what_was_decided_above_a_batch_that_is_not_kept_is_decided_again() {
    let house = House::new();
    let (engine, store) = Slow::open(&house).await;
    let (first, second) = two(&engine, &store).await;
    house.store.play(Trick::LoseAnswerDropped);
    store.let_go();
    assert!(matches!(first.await.unwrap(), Err(Failure::Unavailable(_))));
    // It made the contact and the conversation itself.
    let second = second.await.unwrap().unwrap();
    assert_eq!(number(&engine, second).await, 1);
    assert_eq!(house.submitted(), 1);
    assert!(is_gap_free(&house));
}

#[tokio::test]
async fn a_stale_batch_is_decided_again_before_what_was_decided_above_it() {
    let house = House::new();
    let (engine, store) = Slow::open(&house).await;
    let (first, second) = two(&engine, &store).await;
    house.store.play(Trick::Stale);
    store.let_go();
    both_are_kept(&house, &engine, first, second).await;
}

#[tokio::test]
async fn a_batch_whose_rows_stay_stale_takes_nothing_down_that_came_after_it() {
    let house = House::new();
    let (engine, store) = Slow::open(&house).await;
    let first = sending(&engine, "1", "first");
    quiet().await;
    // The fifth time it is in flight alone, and something else forms behind it.
    [Trick::Stale; 4].into_iter().for_each(|trick| house.store.play(trick));
    for _ in 0..4 {
        store.let_go.add_permits(1);
        quiet().await;
    }
    let second = sending(&engine, "2", "second");
    quiet().await;
    house.store.play(Trick::Stale);
    store.let_go();
    assert!(matches!(first.await.unwrap(), Err(Failure::Unavailable(_))));
    assert!(second.await.unwrap().is_ok());
    assert_eq!(house.submitted(), 1);
    assert!(is_gap_free(&house));
}

#[tokio::test]
async fn a_stop_waits_for_the_batch_in_flight_and_for_the_one_behind_it() {
    let house = House::new();
    let (engine, store) = Slow::open(&house).await;
    let (first, second) = two(&engine, &store).await;
    let stopping = engine.clone();
    let stop = tokio::spawn(async move { stopping.shutdown().await });
    quiet().await;
    store.let_go();
    stop.await.unwrap();
    assert!(first.await.unwrap().is_ok() && second.await.unwrap().is_ok());
    assert_eq!(house.submitted(), 2);
}

#[tokio::test]
async fn a_batch_takes_no_more_than_it_may_however_long_the_one_before_it_flies() {
    let mut house = House::new();
    house.limits.batch_commands_max = 3;
    let (engine, store) = Slow::open(&house).await;
    let first = sending(&engine, "1", "first");
    quiet().await;
    let others: Vec<Answer> = (0..8).map(|one| sending(&engine, "2", &one.to_string())).collect();
    quiet().await;
    assert_eq!(store.waiting(), 1);
    store.let_go();
    first.await.unwrap().unwrap();
    let mut numbers = Vec::new();
    for other in others {
        numbers.push(number(&engine, other.await.unwrap().unwrap()).await);
    }
    assert!(numbers.is_sorted(), "in the order in which they came: {numbers:?}");
    assert_eq!((house.submitted(), store.most.load(Ordering::Relaxed)), (9, 3));
    assert!(is_gap_free(&house));
}

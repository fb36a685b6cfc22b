//! The store that misbehaves: the one in memory behind delays, bursts of errors, and its own tricks.
//! A commit may be kept and its answer lost; what was acknowledged is never lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::domain::event::Event;
use engine::domain::id::{Id, JobId, TenantId};
use engine::domain::job::Job;
use engine::domain::record::{Entity, Key, Kind};
use engine::domain::time::Time;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use ports::store::Page;
use ports::{Batch, Claims, Clock as _, Commit, Committed, Error, ErrorKind, Reads, Row, Store};
use testkit::MemoryStore;

use crate::clock::VirtualClock;
use crate::deadlines::Deadlines;
use crate::fate::Fate;

#[derive(Clone)]
pub struct ChaosStore {
    pub memory: MemoryStore,
    pub deadlines: Deadlines,
    fate: Fate,
    clock: VirtualClock,
    /// Calls fail now and then until this moment.
    ill_until: Arc<Mutex<Time>>,
}

impl ChaosStore {
    pub fn new(fate: &Fate, clock: &VirtualClock) -> ChaosStore {
        let ill_until = Arc::new(Mutex::new(Time(0)));
        ChaosStore {
            memory: MemoryStore::new(),
            deadlines: Deadlines::default(),
            fate: fate.clone(),
            clock: clock.clone(),
            ill_until,
        }
    }

    /// Most calls fail for so long; 0: it is well.
    pub fn fall_ill(&self, ms: i64) {
        *self.ill_until.lock().unwrap() = self.clock.now().plus_ms(ms);
    }

    fn fails(&self) -> bool {
        let ill = self.clock.now() < *self.ill_until.lock().unwrap();
        ill && self.fate.percent(70)
    }

    /// A call takes its time.
    async fn takes_time(&self) {
        for _ in 0..self.fate.below(4) {
            tokio::task::yield_now().await;
        }
        if self.fate.below(150) == 0 {
            tokio::time::sleep(Duration::from_millis(self.fate.between(1, 40) as u64)).await;
        }
    }

    async fn hurdle(&self, what: &str) -> Result<(), Error> {
        self.fate.note(format_args!("store: {what}"));
        self.takes_time().await;
        if self.fails() { Err(unavailable()) } else { Ok(()) }
    }

    /// A row as it stands, without any chaos: what an auditor with a copy of the disk would see.
    pub fn row<E: Entity>(&self, tenant: TenantId, id: Id) -> Option<Arc<E>> {
        self.row_by_key(&Key::id::<E>(tenant, id))
    }

    /// The same by key.
    pub fn row_by_key<E: Entity>(&self, key: &Key) -> Option<Arc<E>> {
        let rows = self.memory.load(vec![key.clone()]).now_or_never()?.ok()?;
        rows.first()?.record.as_ref().and_then(E::unwrap)
    }

    /// Events after a position as they stand.
    pub fn events_after(&self, position: u64) -> Vec<Event> {
        let events = self.memory.events(None, position, usize::MAX).now_or_never();
        events.and_then(Result::ok).unwrap_or_default()
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "the store is ill")
}

impl Store for ChaosStore {
    /// What a store knows without looking is up to it.
    fn is_absent(&self, key: &Key) -> bool {
        self.memory.is_absent(key) && self.fate.between(0, 1) == 1
    }

    fn load(&self, keys: Vec<Key>) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            self.hurdle("load").await?;
            self.memory.load(keys).await
        })
    }

    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<Commit, Error>> {
        Box::pin(async move {
            self.hurdle("commit").await?;
            self.deadlines.read(&batch, &self.fate);
            let outcome = self.memory.commit(batch).await;
            match &outcome {
                Ok(Commit::Stale(_)) => self.fate.count(|counts| counts.stale += 1),
                Err(error) if error.kind == ErrorKind::Unavailable => {
                    self.fate.count(|counts| counts.lost_answers += 1);
                }
                Err(error) => self.fate.wrong(format_args!("the store refused a batch: {error}")),
                Ok(Commit::Committed) => {}
            }
            self.takes_time().await;
            if self.fails() {
                self.fate.count(|counts| counts.lost_answers += 1);
                return Err(unavailable());
            }
            outcome
        })
    }

    fn look_up(&self, batch: Id) -> BoxFuture<'_, Result<Committed, Error>> {
        Box::pin(async move {
            self.hurdle("look_up").await?;
            self.memory.look_up(batch).await
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<(u64, Time), Error>> {
        Box::pin(async move {
            self.hurdle("head").await?;
            self.memory.head().await
        })
    }
}

impl Reads for ChaosStore {
    fn page(&self, page: Page) -> BoxFuture<'_, Result<Vec<(u64, Id)>, Error>> {
        self.memory.page(page)
    }

    fn events(
        &self,
        tenant: Option<TenantId>,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        Box::pin(async move {
            self.hurdle("events").await?;
            let page = self.memory.events(tenant, after, limit).await;
            self.takes_time().await;
            page
        })
    }

    fn events_of_message(&self, tenant: TenantId, message: Id) -> BoxFuture<'_, Result<Vec<Event>, Error>> {
        self.memory.events_of_message(tenant, message)
    }

    fn rows_after(
        &self,
        kind: Kind,
        after: Option<Key>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            self.hurdle("rows_after").await?;
            self.memory.rows_after(kind, after, limit).await
        })
    }

    fn scan(&self, tenant: Option<TenantId>, kind: Kind) -> BoxFuture<'_, Result<Vec<Row>, Error>> {
        Box::pin(async move {
            self.hurdle("scan").await?;
            self.memory.scan(tenant, kind).await
        })
    }
}

impl Claims for ChaosStore {
    fn jobs(
        &self,
        due: Time,
        after: Option<(Time, JobId)>,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Job>, Error>> {
        Box::pin(async move {
            self.hurdle("jobs").await?;
            let page = self.memory.jobs(due, after, limit).await;
            self.takes_time().await;
            page
        })
    }
}

//! Random batches against SQLite and the store in memory: both answer alike, whatever is applied and however often the
//! store is closed and opened. A failure names its seed, and the same seed fails again.

use domain::id::IdSource as _;
use domain::record::{List, Listing};
use testkit::{MemoryStore, SeededIds};

use super::*;

const SEEDS: u64 = 12;
const STEPS: usize = 150;
const TENANTS: u64 = 2;

/// Chance from a seed, and the positions handed out.
struct Dice {
    ids: SeededIds,
    head: u64,
}

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        (self.ids.next_id().0 as u64 >> 7) % sides
    }

    fn tenant(&mut self) -> TenantId {
        TenantId(Id(u128::from(self.below(TENANTS))))
    }

    fn key(&mut self) -> Key {
        let tenant = self.tenant();
        Key::counter(tenant, &self.below(12).to_string())
    }

    fn some<T>(&mut self, most: u64, mut each: impl FnMut(&mut Dice) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| each(self)).collect()
    }

    /// A batch that mostly fits, some of whose rows have other versions than it says.
    async fn batch(&mut self, model: &MemoryStore) -> Batch {
        let mut keys = self.some(4, Dice::key);
        keys.sort();
        keys.dedup();
        let rows = model.load(keys).await.unwrap();
        let (mut writes, mut relied) = (Vec::new(), Vec::new());
        for row in rows {
            let version = if self.below(20) == 0 { row.version + 1 } else { row.version };
            let value = Some(Record::Counter(Counter(self.below(1_000)).into()));
            match self.below(5) {
                0 => relied.push((row.key, version)),
                1 => writes.push(Write { key: row.key, version, record: None }),
                _ => writes.push(Write { key: row.key, version, record: value }),
            }
        }
        let mut position = self.head;
        let events = self.some(3, |dice| {
            position += 1;
            samples::event(position, dice.tenant(), Id(u128::from(dice.below(4))))
        });
        Batch {
            id: self.ids.next_id(),
            writes,
            relied,
            listings: self.some(3, |dice| Listing {
                tenant: dice.tenant(),
                list: List::MessagesOfConversation,
                owner: Id(u128::from(dice.below(2))),
                position: dice.below(30),
                target: Id(u128::from(dice.below(1_000))),
            }),
            events,
            jobs: self.some(3, |dice| {
                let (id, due) = (u128::from(dice.below(30)), dice.below(10) as i64);
                samples::job(id, dice.tenant(), Time(due))
            }),
            finished_jobs: self.some(3, |dice| JobId(Id(u128::from(dice.below(30))))),
            at: Time(self.below(1_000) as i64),
        }
    }

    fn settings(&mut self) -> Settings {
        match self.below(3) {
            0 => held(),
            1 => eager(),
            _ => Settings { apply_linger: Duration::from_millis(1), segment_bytes: 16 << 10, ..eager() },
        }
    }
}

/// Everything that can be read, in one comparison after the other.
pub async fn assert_alike(store: &SqliteStore, model: &MemoryStore, seed: u64) {
    assert_eq!(store.head().await.unwrap(), model.head().await.unwrap(), "seed {seed}");
    for kind in [Kind::Counter, Kind::Content] {
        assert_eq!(
            store.scan(None, kind).await.unwrap(),
            model.scan(None, kind).await.unwrap(),
            "seed {seed}"
        );
    }
    let after = Some(Key::counter(TenantId(Id(1)), "3"));
    for (after, limit) in [(None, 5), (after.clone(), 4), (after, 1_000)] {
        assert_eq!(
            store.rows_after(Kind::Counter, after.clone(), limit).await.unwrap(),
            model.rows_after(Kind::Counter, after, limit).await.unwrap(),
            "seed {seed}"
        );
    }
    for tenant in (0..TENANTS).map(|tenant| TenantId(Id(u128::from(tenant)))) {
        let keys: Vec<Key> = (0..12).map(|name| Key::counter(tenant, &name.to_string())).collect();
        let rows = store.load(keys.clone()).await.unwrap();
        assert_eq!(rows, model.load(keys).await.unwrap(), "seed {seed}");
        for (after, limit) in [(0, 5), (7, 3), (3, 1_000)] {
            let events = store.events(Some(tenant), after, limit).await.unwrap();
            assert_eq!(events, model.events(Some(tenant), after, limit).await.unwrap(), "seed {seed}");
            let events = store.events(None, after, limit).await.unwrap();
            assert_eq!(events, model.events(None, after, limit).await.unwrap(), "seed {seed}");
        }
        for message in (0..4).map(Id) {
            let events = store.events_of_message(tenant, message).await.unwrap();
            assert_eq!(events, model.events_of_message(tenant, message).await.unwrap(), "seed {seed}");
        }
        for (owner, limit, newest_first) in [(0, 4, false), (0, 4, true), (1, 100, false)] {
            let (list, owner) = (List::MessagesOfConversation, Id(owner));
            for (after, before) in [(None, None), (Some(9), Some(21))] {
                let page = Page { tenant, list, owner, after, before, newest_first, limit };
                let entries = store.page(page).await.unwrap();
                assert_eq!(entries, model.page(page).await.unwrap(), "seed {seed}");
            }
        }
    }
    for (due, after, limit) in [(9, None, 100), (5, None, 3), (9, Some((Time(3), JobId(Id(9)))), 4)] {
        let jobs = store.jobs(Time(due), after, limit).await.unwrap();
        assert_eq!(jobs, model.jobs(Time(due), after, limit).await.unwrap(), "seed {seed}");
    }
}

fn sorted(commit: Commit) -> Commit {
    match commit {
        Commit::Stale(mut keys) => {
            keys.sort();
            Commit::Stale(keys)
        }
        Commit::Committed => Commit::Committed,
    }
}

async fn run(seed: u64) {
    let folder = TempFolder::new("model");
    let model = MemoryStore::new();
    let mut dice = Dice { ids: SeededIds::new(seed), head: 0 };
    let mut store = open_as(&folder, &dice.settings()).unwrap();
    for _ in 0..STEPS {
        let batch = dice.batch(&model).await;
        let (id, events) = (batch.id, batch.events.len() as u64);
        let wanted = sorted(model.commit(batch.clone()).await.unwrap());
        assert_eq!(sorted(store.commit(batch).await.unwrap()), wanted, "seed {seed}");
        assert_eq!(store.look_up(id).await.unwrap(), model.look_up(id).await.unwrap(), "seed {seed}");
        if wanted == Commit::Committed {
            dice.head += events;
        }
        if dice.below(10) == 0 {
            let (through, limit) = (dice.below(dice.head + 3), dice.below(6) as usize);
            let cut = store.cut_log(through, limit).await.unwrap();
            assert_eq!(cut, model.cut_log(through, limit).await.unwrap(), "seed {seed}");
        }
        if dice.below(8) == 0 {
            assert_alike(&store, &model, seed).await;
        }
        if dice.below(25) == 0 {
            drop(store);
            store = open_as(&folder, &dice.settings()).unwrap();
            assert_alike(&store, &model, seed).await;
        }
    }
    assert!(model.commits() > STEPS as u64 / 2, "seed {seed} keeps too little to try anything");
    assert_alike(&store, &model, seed).await;
}

#[tokio::test]
async fn random_batches_are_answered_and_read_back_as_in_memory() {
    for seed in 0..SEEDS {
        run(seed).await;
    }
}

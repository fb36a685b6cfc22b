//! How fast the rows of real `messages:send` requests are kept, and what that costs the disk.
//!
//! `cargo run --release -p store-sqlite --example commits [MESSAGES] [STORED] [FOLDER]`. The batches come from the
//! domain's own `Send`, in two mixes: to 10,000 *known* people in conversations that go on, and to *new* people, each of
//! whom is a contact and a conversation more. STORED messages are kept before anything is measured. A round tells
//! messages a second, the same until everything is in the tables and the store is closed, the commits' latencies,
//! and the bytes that the process sent to the disk per message (`/proc/self/io`, where the system has it).
//! Batches are decided beforehand; like the engine, a round hands in one at a time.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::channel::{Address, Channel};
use domain::command::Command as _;
use domain::command::send::{Recipient, Send};
use domain::consent::ContentClass;
use domain::content::Content;
use domain::delivery::Priority;
use domain::id::{AppId, Id, IdSource as _, TenantId};
use domain::record::{Key, Kind, Record};
use domain::time::Time;
use domain::view::{Loaded, View};
use ports::store::Write;
use ports::{Batch, Claims as _, Commit, Store as _, Version, stored};
use store_sqlite::{Settings, SqliteStore};
use testkit::{NoVault, SeededIds, TempFolder, samples};

const TENANT: TenantId = TenantId(Id(1));
const APP: AppId = AppId(Id(2));
const CHANNEL: &str = "SANDBOX";
const APP_ROW: &str = r#"{"v":1,"row":{"id":"00000000000000000000000002","tenant":"00000000000000000000000001","number":1,"name":"Shop","identifier":"shop","mode":"Conversation","channels":[{"channel":"SANDBOX","account":"1","settings":[]}],"queue_limit":500000}}"#;
const TEXT: &str = "Your parcel waits at the locker on the corner of the market square. ";
const KNOWN_PEOPLE: u64 = 10_000;
const BATCHES_OF: [u64; 3] = [1, 16, 64];
const ROUNDS: usize = 3;
const OPEN_JOBS: u128 = 100_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum People {
    Known,
    New,
}

/// What the engine's cache would hold: every row is known to it, as nobody else writes.
#[derive(Default)]
struct Rows(HashMap<Key, (Version, Option<Record>)>);

impl Loaded for Rows {
    fn row(&self, key: &Key) -> Option<Option<Record>> {
        Some(self.0.get(key).and_then(|(_, record)| record.clone()))
    }
}

/// Decides batches one after the other, as the engine does.
struct Source {
    ids: SeededIds,
    rows: Rows,
    head: u64,
    sent: u64,
}

impl Source {
    fn new() -> Source {
        let key = Key::id::<domain::app::App>(TENANT, APP.0);
        let record = stored::decode(&key, APP_ROW.as_bytes(), &NoVault).expect("the sample is an app");
        let app = (key, (0, Some(record)));
        Source { ids: SeededIds::new(1), rows: Rows([app].into()), head: 0, sent: 0 }
    }

    fn send(&mut self, people: People) -> Send {
        self.sent += 1;
        let number = match people {
            // A stride that visits everybody, neighbours far apart.
            People::Known => self.sent * 7_919 % KNOWN_PEOPLE,
            People::New => KNOWN_PEOPLE + self.sent,
        };
        let channel = Channel::new(CHANNEL);
        let address = Address { channel, address: format!("46{number:09}").into() };
        Send {
            tenant: TENANT,
            app: APP,
            recipient: Recipient::Identities(vec![(address, false)]),
            content: Content::text(TEXT.repeat(4)),
            order: Vec::new(),
            callback_url: None,
            metadata: "campaign-7".to_owned(),
            conversation_metadata: None,
            correlation_id: None,
            priority: Priority::Normal,
            ttl_s: Some(86_400),
            dispatch_only: false,
            class: ContentClass::Unknown,
            shown_agent: String::new(),
        }
    }

    fn batch(&mut self, people: People, count: u64) -> Batch {
        let at = Time(1_704_067_200_000 + self.sent as i64);
        let mut batch = Batch { id: self.ids.next_id(), at, ..Batch::default() };
        let mut place: HashMap<Key, usize> = HashMap::new();
        for _ in 0..count {
            let send = self.send(people);
            let mut view = View::new(&self.rows, &mut self.ids, at);
            send.decide(&mut view).expect("every row is known");
            let decision = view.into_decision();
            let version = |rows: &Rows, key: &Key| rows.0.get(key).map_or(0, |(version, _)| *version);
            for key in decision.read.into_iter().filter(|key| !place.contains_key(key)) {
                batch.relied.push((key.clone(), version(&self.rows, &key)));
            }
            for (key, record) in decision.writes {
                let seen = version(&self.rows, &key);
                match place.get(&key) {
                    Some(place) => batch.writes[*place].record.clone_from(&record),
                    None => {
                        place.insert(key.clone(), batch.writes.len());
                        let write = Write { key: key.clone(), version: seen, record: record.clone() };
                        batch.writes.push(write);
                    }
                }
                self.rows.0.insert(key, (seen, record));
            }
            batch.listings.extend(decision.listings);
            batch.events.extend(decision.events);
            batch.jobs.extend(decision.jobs);
        }
        self.kept(&mut batch, &place);
        batch
    }

    /// Numbers the events, and lets the rows be as if the batch was kept.
    fn kept(&mut self, batch: &mut Batch, place: &HashMap<Key, usize>) {
        for event in &mut batch.events {
            self.head += 1;
            event.position = self.head;
        }
        batch.relied.retain(|(key, _)| !place.contains_key(key));
        for write in &batch.writes {
            let seldom_read = matches!(write.key.kind, Kind::Message | Kind::Content);
            if seldom_read {
                self.rows.0.remove(&write.key);
            } else if let Some(row) = self.rows.0.get_mut(&write.key) {
                row.0 = write.version + 1;
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn now() -> Instant {
    Instant::now()
}

/// Bytes this process has sent to the disk, if the system tells.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// Processor time of all threads in milliseconds, if the system tells: steadier than rates on a machine in use.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // The eleventh and twelfth behind the name, in hundredths of a second.
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, &Settings::default(), Arc::new(NoVault)).expect("the folder takes a database")
}

async fn keep(store: &SqliteStore, batch: Batch) {
    assert_eq!(store.commit(batch).await.expect("the disk takes a batch"), Commit::Committed);
}

async fn measure(path: &Path, source: &mut Source, people: People, messages: u64, count: u64) {
    // The app is loaded once per process, as by the engine; a batch relies on it with version 1.
    let batches: Vec<Batch> = (0..messages / count).map(|_| source.batch(people, count)).collect();
    let store = open(path);
    let (before, cpu_before) = (written(), cpu_ms());
    let mut spent: Vec<Duration> = Vec::with_capacity(batches.len());
    let begun = now();
    for batch in batches {
        let begun = now();
        keep(&store, batch).await;
        spent.push(begun.elapsed());
    }
    let accepted = begun.elapsed();
    drop(store);
    let closed = begun.elapsed();
    let (bytes, cpu) = (written() - before, cpu_ms() - cpu_before);
    spent.sort();
    let at = |part: f64| spent[((spent.len() - 1) as f64 * part) as usize].as_micros();
    let rate = |whole: Duration| messages as f64 / whole.as_secs_f64();
    println!(
        "{people:?} people, batches of {count:2}: {:6.0} messages/s, {:6.0} until closed, p50 {:5} us, p99 {:6} us, max {:7} us, {:6.1} KB and {:4.0} us of CPU a message",
        rate(accepted),
        rate(closed),
        at(0.5),
        at(0.99),
        at(1.0),
        bytes as f64 / 1_000.0 / messages as f64,
        cpu as f64 * 1_000.0 / messages as f64
    );
}

async fn find_jobs(folder: &Path) {
    let path = folder.join("jobs.db");
    let store = open(&path);
    for first in (1..=OPEN_JOBS).step_by(1_000) {
        let jobs = (first..first + 1_000).map(|id| samples::job(id, TENANT, Time(id as i64 / 10))).collect();
        keep(&store, Batch { id: Id(first), jobs, ..Batch::default() }).await;
    }
    drop(store);
    let begun = now();
    let store = open(&path);
    let (mut after, mut found) = (None, 0);
    loop {
        let page = store.jobs(Time::NEVER, after, 1_000).await.expect("the store answers");
        found += page.len();
        after = page.last().map(|job| (job.due_at, job.id));
        if page.len() < 1_000 {
            break;
        }
    }
    println!("{found} open jobs found again {} ms after the start", begun.elapsed().as_millis());
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (messages, stored): (u64, u64) = (number(20_000), number(100_000));
    let own = TempFolder::new("commits");
    let folder = arguments.next().map_or_else(|| own.path().to_owned(), std::path::PathBuf::from);
    let path = folder.join("trunkline.db");
    let mut source = Source::new();
    let store = open(&path);
    let app = source.rows.0.values_mut().next().expect("the app is there");
    let record = app.1.clone();
    app.0 = 1;
    let key = Key::id::<domain::app::App>(TENANT, APP.0);
    let writes = vec![Write { key, version: 0, record }];
    keep(&store, Batch { id: source.ids.next_id(), writes, ..Batch::default() }).await;
    for _ in 0..stored.max(KNOWN_PEOPLE) / 500 {
        let batch = source.batch(People::Known, 500);
        keep(&store, batch).await;
    }
    drop(store);
    for _ in 0..ROUNDS {
        for people in [People::Known, People::New] {
            for count in BATCHES_OF {
                // A tenth for single messages, each of which waits for a sync of its own.
                let messages = if count == 1 { messages / 10 } else { messages };
                measure(&path, &mut source, people, messages, count).await;
            }
        }
    }
    find_jobs(&folder).await;
}

//! How fast batches of messages are kept: a message with content and pointer, an event and a job each.
//!
//! `cargo run --release -p store-sqlite --example commits [BATCHES] [MESSAGES] [FOLDER]`. It prints messages a second
//! and the batches' latencies, for both settings of the sync. Like the engine, it hands in one batch at a time; with
//! the next one encoded while the last one syncs a server does no worse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::content::Content;
use domain::id::{Id, IdSource as _, JobId, MessageId, TenantId};
use domain::message::Message;
use domain::record::{Key, Kind, Pointer, Record};
use domain::time::Time;
use ports::store::Write;
use ports::{Batch, Commit, Store as _, stored};
use store_sqlite::{Settings, SqliteStore, Sync};
use testkit::{NoVault, SeededIds, TempFolder, samples};

/// A message as an API client sends them, in its stored form.
const MESSAGE: &str = r#"{"v":1,"row":{"id":"01J0000000E0080000000000AA","tenant":"01J0000000E0080000000000AB","app":"01J0000000E0080000000000AC","direction":"Outbound","author":"App","face":"Sinch","accepted_at":1704067200000,"conversation":"01J0000000E0080000000000AD","contact":"01J0000000E0080000000000AE","number":12345,"sorting":17,"sequence":16,"address":{"channel":"SANDBOX","address":"15550001234"},"correlation_id":"order-12345","delivery":{"generation":1,"plan":[{"channel":"SANDBOX","address":"15550001234"}],"phase":{"Waiting":{"not_before":1704067200000}},"status":"Queued","expires_at":1704326400000,"steps":[{"at":1704067200000,"what":"Planned"}]}}}"#;

const TENANT: TenantId = TenantId(Id(1));

fn batch(ids: &mut SeededIds, message: &Message, first: u64, count: u64) -> Batch {
    let mut batch = Batch { id: ids.next_id(), at: Time(1), ..Batch::default() };
    for position in first..first + count {
        let id = ids.next_id();
        let message = Message { id: MessageId(id), number: position, ..message.clone() };
        let pointer = Pointer { target: id, attempt: 0 };
        let content =
            Content::text("Your parcel has left our house and will be with you tomorrow before noon.");
        let rows = [
            (Key::id::<Message>(TENANT, id), Record::Message(Arc::new(message))),
            (Key::id::<Content>(TENANT, id), Record::Content(Arc::new(content))),
            (Key::number(TENANT, "message", position), Record::Pointer(Arc::new(pointer))),
        ];
        batch.writes.extend(rows.map(|(key, record)| Write { key, version: 0, record: Some(record) }));
        batch.events.push(samples::event(position, TENANT, id));
        let job = samples::job(0, TENANT, Time(position as i64));
        batch.jobs.push(domain::job::Job { id: JobId(ids.next_id()), ..job });
    }
    batch
}

#[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
fn now() -> Instant {
    Instant::now()
}

async fn measure(sync: Sync, batches: u64, count: u64, folder: &std::path::Path) {
    let settings = Settings { sync, ..Settings::default() };
    let path = folder.join(format!("{sync:?}.db"));
    let store = SqliteStore::open(&path, &settings, Arc::new(NoVault)).expect("the folder takes a database");
    let Ok(Record::Message(message)) = stored::decode(Kind::Message, MESSAGE.as_bytes(), &NoVault) else {
        panic!("the sample message is one");
    };
    let mut ids = SeededIds::new(1);
    let mut spent: Vec<Duration> = Vec::new();
    for number in 0..batches {
        let batch = batch(&mut ids, &message, number * count + 1, count);
        let begun = now();
        let answer = store.commit(batch).await.expect("the disk takes a batch");
        assert_eq!(answer, Commit::Committed);
        spent.push(begun.elapsed());
    }
    let total: Duration = spent.iter().sum();
    spent.sort();
    let at = |part: f64| spent[((spent.len() - 1) as f64 * part) as usize];
    let rate = (batches * count) as f64 / total.as_secs_f64();
    println!(
        "sync {sync:?}: {batches} batches of {count}: {rate:.0} messages/s, batch p50 {:?} p99 {:?} max {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |usual| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (batches, count) = (number(300), number(200));
    let own = TempFolder::new("commits");
    let folder = arguments.next().map_or_else(|| own.path().to_owned(), std::path::PathBuf::from);
    for sync in [Sync::Full, Sync::Normal] {
        measure(sync, batches, count, &folder).await;
    }
}

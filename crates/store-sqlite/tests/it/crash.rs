//! A process that commits is killed again and again: every acknowledged batch is there afterwards, exactly once.
//!
//! The child is this very program, told by an argument which folder to commit into. Batch N is the same whoever makes
//! it, so the parent can play the batches that it finds to a store in memory and compare everything.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use domain::record::{List, Listing};
use testkit::MemoryStore;

use super::*;
use crate::model::assert_alike;

const KILLS: u64 = 25;
const CHILD: &str = "crash::a_child_commits_until_it_is_killed";
const FOLDER: &str = "commit-into=";

/// A batch of nothing, by this id.
pub fn empty(id: u128) -> Batch {
    Batch {
        id: Id(id),
        writes: Vec::new(),
        relied: Vec::new(),
        listings: Vec::new(),
        events: Vec::new(),
        jobs: Vec::new(),
        finished_jobs: Vec::new(),
        at: Time(0),
    }
}

/// Batch `number`, counted from 1.
pub fn batch(number: u64) -> Batch {
    let tenant = TenantId(Id(1));
    let count = Write {
        key: Key::counter(tenant, "1"),
        version: number - 1,
        record: Some(Record::Counter(Counter(number).into())),
    };
    let content = Write {
        key: Key::id::<Content>(tenant, Id(u128::from(number))),
        version: 0,
        record: Some(Record::Content(Content::text("x".repeat((number * 37 % 3_000) as usize)).into())),
    };
    let list = List::MessagesOfConversation;
    Batch {
        id: Id(u128::from(number) + 1_000),
        writes: vec![count, content],
        relied: vec![(Key::counter(tenant, "2"), 0)],
        listings: vec![Listing {
            tenant,
            list,
            owner: Id(0),
            position: number,
            target: Id(u128::from(number)),
        }],
        events: vec![samples::event(number, tenant, Id(u128::from(number % 4)))],
        jobs: vec![samples::job(u128::from(number), tenant, Time(number as i64 % 10))],
        finished_jobs: vec![JobId(Id(u128::from(number.saturating_sub(5))))],
        at: Time(number as i64),
    }
}

/// What a store holds that kept the batches up to `last`.
pub async fn model(last: u64) -> MemoryStore {
    let model = MemoryStore::new();
    for number in 1..=last {
        assert_eq!(model.commit(batch(number)).await.unwrap(), Commit::Committed);
    }
    model
}

/// Does nothing unless it is told where; then it commits, and says after each batch that it was acknowledged.
#[tokio::test]
async fn a_child_commits_until_it_is_killed() {
    let Some(folder) = std::env::args().find_map(|argument| argument.strip_prefix(FOLDER).map(PathBuf::from))
    else {
        return;
    };
    let settings = Settings { apply_linger: Duration::from_millis(2), segment_bytes: 16 << 10, ..eager() };
    let store = SqliteStore::open(&folder.join("trunkline.db"), &settings, Arc::new(NoVault)).unwrap();
    let (head, _) = store.head().await.unwrap();
    let mut out = std::io::stdout();
    for number in head + 1.. {
        assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
        writeln!(out, "acknowledged {number}").unwrap();
    }
}

fn child(folder: &TempFolder) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .arg(format!("{FOLDER}{}", folder.path().display()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

/// The number that a line acknowledges, if it is a whole one.
fn acknowledged(line: &str) -> Option<u64> {
    line.strip_suffix('\n')?.rsplit_once("acknowledged ")?.1.parse().ok()
}

#[tokio::test]
async fn every_acknowledged_batch_survives_a_kill_exactly_once() {
    let folder = TempFolder::new("crash");
    let mut kept = 0;
    for kill in 0..KILLS {
        let (mut child, mut out) = child(&folder);
        let (mut last, mut line) = (kept, String::new());
        // Some are killed while they open the store, others in the middle of their work.
        let patience = kill * 7 % 40;
        while last < kept + patience && out.read_line(&mut line).unwrap() > 0 {
            last = acknowledged(&line).unwrap_or(last);
            line.clear();
        }
        assert_eq!(child.try_wait().unwrap(), None, "the child died by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        while out.read_line(&mut line).unwrap() > 0 {
            last = acknowledged(&line).unwrap_or(last);
            line.clear();
        }
        let store = open_as(&folder, &held()).unwrap();
        let (head, _) = store.head().await.unwrap();
        // One more may be kept whose answer nobody saw.
        assert!(head == last || head == last + 1, "kill {kill}: {last} acknowledged, {head} kept");
        let model = model(head).await;
        assert_alike(&store, &model, kill).await;
        for number in [last, last + 1, last + 2] {
            let id = batch(number.max(1)).id;
            assert_eq!(store.look_up(id).await.unwrap(), model.look_up(id).await.unwrap());
        }
        kept = head;
    }
    assert!(kept > 5 * KILLS, "only {kept} batches were kept: too few were under way");
}

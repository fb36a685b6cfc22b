//! What a crash may leave: a journal torn in its last batch, and tables without what was never synced.

use std::path::Path;

use super::*;
use crate::crash::{batch, model};
use crate::model::assert_alike;

/// So many that the last bytes of each of the last two are no zeros.
const BATCHES: u64 = 8;

/// Copies a folder as it stands, as if the process were killed now.
pub fn image(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            image(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The folder of a store that was killed with all its batches in the journal alone, and where the last one begins.
async fn killed() -> (TempFolder, u64, u64) {
    let InFolder { store, folder } = fresh_held().await;
    let mut ends = Vec::new();
    for number in 1..=BATCHES {
        assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
        let bytes = std::fs::read(segment(&folder)).unwrap();
        ends.push(bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1);
    }
    let left = TempFolder::new("killed");
    image(folder.path(), left.path());
    (left, ends[BATCHES as usize - 2], ends[BATCHES as usize - 1])
}

fn segment(folder: &TempFolder) -> PathBuf {
    folder.path().join("trunkline.journal/00000000000000000001")
}

fn cut(folder: &TempFolder, length: u64) -> TempFolder {
    let cut = TempFolder::new("cut");
    image(folder.path(), cut.path());
    std::fs::OpenOptions::new().write(true).open(segment(&cut)).unwrap().set_len(length).unwrap();
    cut
}

#[tokio::test]
async fn what_waited_in_the_journal_is_applied_at_the_start() {
    let (folder, ..) = killed().await;
    let store = open(&folder).unwrap();
    assert_alike(&store, &model(BATCHES).await, 0).await;
}

#[tokio::test]
async fn a_journal_torn_in_its_last_batch_keeps_all_before_it() {
    let (folder, begin, end) = killed().await;
    let model = model(BATCHES - 1).await;
    // Every byte of the head, and some of the body; the journal's own tests try each.
    let places = (begin..begin + 24).chain((begin + 24..end).step_by(97)).chain([end - 1]);
    for place in places {
        let cut = cut(&folder, place);
        let store = open_as(&cut, &held()).unwrap();
        assert_alike(&store, &model, place).await;
        assert_eq!(store.commit(batch(BATCHES)).await.unwrap(), Commit::Committed);
        drop(store);
        assert_eq!(open_as(&cut, &held()).unwrap().head().await.unwrap().0, BATCHES);
    }
}

#[tokio::test]
async fn a_journal_damaged_before_its_end_refuses_the_start_and_is_left_alone() {
    let (folder, begin, _) = killed().await;
    let mut bytes = std::fs::read(segment(&folder)).unwrap();
    bytes[begin as usize - 10] ^= 0xff;
    std::fs::write(segment(&folder), &bytes).unwrap();
    for _ in 0..2 {
        let error = open(&folder).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Corrupt);
        assert!(error.to_string().contains("restore a backup"), "{error}");
        assert_eq!(std::fs::read(segment(&folder)).unwrap(), bytes);
    }
}

#[tokio::test]
async fn another_databases_journal_is_refused() {
    let (folder, ..) = killed().await;
    let other = TempFolder::new("other");
    drop(open_as(&other, &held()).unwrap());
    std::fs::copy(segment(&folder), segment(&other)).unwrap();
    let error = open(&other).err().unwrap();
    assert!(error.to_string().contains("another database"), "{error}");
}

/// The number of segments that hold batches.
fn segments(folder: &TempFolder) -> usize {
    let names = std::fs::read_dir(folder.path().join("trunkline.journal")).unwrap();
    names.filter(|entry| entry.as_ref().unwrap().file_name() != "spare").count()
}

/// A store all of whose full segments are cut, with batches behind them, and how many batches it has in all. Nothing
/// moves in its folder any more.
async fn cut_and_quiet() -> (InFolder, u64) {
    let InFolder { store, folder } = fresh_as(&Settings { apply_bytes: 1, ..held() });
    // About a megabyte; a segment is a quarter of that.
    for number in 1..=600 {
        assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
    }
    // Every transaction tries to cut, which a reader may hinder. A backup waits for the transaction of the newest
    // batch, and so for the cut behind the one before.
    for number in 601..=700 {
        store.backup(&folder.path().join(format!("backup-{number}"))).await.unwrap();
        if segments(&folder) == 1 {
            return (InFolder { store, folder }, number - 1);
        }
        assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
    }
    panic!("the journal is not cut");
}

#[tokio::test]
async fn the_journal_makes_up_for_what_a_power_cut_takes_from_the_tables() {
    let (InFolder { store, folder }, last) = cut_and_quiet().await;
    let left = TempFolder::new("powerless");
    image(folder.path(), left.path());
    drop(store);
    // SQLite's log is synced only when it is moved into the file: a power cut may take all of it.
    std::fs::remove_file(left.path().join("trunkline.db-wal")).unwrap();
    std::fs::remove_file(left.path().join("trunkline.db-shm")).unwrap();
    let raw = rusqlite::Connection::open(database(&left)).unwrap();
    let position: u64 = raw.query_row("SELECT position FROM head", [], |row| row.get(0)).unwrap();
    assert!(0 < position && position < last, "nothing was cut, or nothing was lost: {position} of {last}");
    drop(raw);
    assert_alike(&open(&left).unwrap(), &model(last).await, 0).await;
}

#[tokio::test]
async fn a_cut_of_the_log_outlives_kills_and_comes_again_with_the_journal() {
    let InFolder { store, folder } = fresh_held().await;
    let model = model(BATCHES).await;
    for number in 1..=BATCHES {
        assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
    }
    for (through, limit) in [(3, 2), (5, 100)] {
        let cut = store.cut_log(through, limit).await.unwrap();
        assert_eq!(cut, model.cut_log(through, limit).await.unwrap());
    }
    assert_eq!(store.events(None, 0, 1).await.unwrap()[0].position, 6);
    // Events and cuts are in the journal alone, and applied again together.
    let left = TempFolder::new("killed");
    image(folder.path(), left.path());
    for end in 0..2 {
        let store = open_as(&left, &held()).unwrap();
        assert_alike(&store, &model, end).await;
        drop(store);
    }
    // The tables have the events before the cut comes.
    drop(store);
    let store = open_as(&folder, &held()).unwrap();
    let (last, through) = (BATCHES + 1, BATCHES);
    assert_eq!(store.commit(batch(last)).await.unwrap(), Commit::Committed);
    assert_eq!(model.commit(batch(last)).await.unwrap(), Commit::Committed);
    assert_eq!(store.cut_log(through, 100).await.unwrap(), model.cut_log(through, 100).await.unwrap());
    assert_alike(&store, &model, 2).await;
    let left = TempFolder::new("killed");
    image(folder.path(), left.path());
    let store = open_as(&left, &held()).unwrap();
    assert_alike(&store, &model, 3).await;
    assert_eq!(kept_events(&left, store), 1, "the rows are gone from the tables too");
}

/// How many events the tables hold once everything is applied.
fn kept_events(folder: &TempFolder, store: SqliteStore) -> u64 {
    drop(store);
    let raw = rusqlite::Connection::open(database(folder)).unwrap();
    raw.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_cut_that_is_torn_was_not_made() {
    let InFolder { store, folder } = fresh_held().await;
    assert_eq!(store.commit(batch(1)).await.unwrap(), Commit::Committed);
    assert_eq!(store.cut_log(1, 1).await.unwrap(), 1);
    let bytes = std::fs::read(segment(&folder)).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let torn = cut(&folder, end - 1);
    let store_torn = open_as(&torn, &held()).unwrap();
    assert_alike(&store_torn, &model(1).await, 0).await;
    // It takes the same place again.
    assert_eq!(store_torn.cut_log(1, 1).await.unwrap(), 1);
    assert!(store_torn.events(None, 0, 9).await.unwrap().is_empty());
    assert_eq!(store_torn.head().await.unwrap(), store.head().await.unwrap());
}

#[tokio::test]
async fn cuts_do_not_crowd_out_the_ids_of_batches() {
    let InFolder { store, folder } = fresh().await;
    for number in 1..=9 {
        assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
        assert_eq!(store.cut_log(u64::MAX, 1).await.unwrap(), 1);
    }
    drop(store);
    let store = open(&folder).unwrap();
    assert_eq!(store.look_up(batch(1).id).await.unwrap(), Committed::Yes);
    assert_eq!(store.look_up(Id(0)).await.unwrap(), Committed::No, "a cut is no batch");
    assert_eq!(store.head().await.unwrap().0, 9);
    assert_eq!(store.commit(batch(10)).await.unwrap(), Commit::Committed);
}

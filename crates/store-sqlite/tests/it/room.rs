//! Ends of the disk: the bound that an operator sets is told and nothing more, and a journal that the system does not
//! let grow refuses what does not fit.

use std::process::Command;

use domain::content::Content;

use super::*;

const TENANT: TenantId = TenantId(Id(1));
/// Longer than any file may become in the child below.
const LARGE: usize = 8 << 20;
/// Blocks of 512 or 1,024 bytes, as the shell counts: more than the tables need, less than [`LARGE`].
const BLOCKS_MAX: &str = "4096";
const CHILD: &str = "room::a_child_meets_the_end_of_its_files";
const FOLDER: &str = "folder=";

/// Writes a content of so many bytes at this version, or erases it.
fn content(id: u128, version: u64, bytes: Option<usize>) -> Batch {
    let key = Key::id::<Content>(TENANT, Id(id));
    let record = bytes.map(|bytes| Record::Content(Content::text("x".repeat(bytes)).into()));
    let name = Id((id << 8) + u128::from(version) + 1);
    Batch { id: name, writes: vec![Write { key, version, record }], ..Batch::default() }
}

/// Waits until the tables have everything.
async fn applied(store: &SqliteStore, folder: &TempFolder, number: u128) {
    store.backup(&folder.path().join(format!("backup-{number}"))).await.unwrap();
}

#[tokio::test]
async fn past_its_bound_the_store_has_no_room_goes_on_and_has_room_again_once_rows_are_erased() {
    // Three segments and SQLite's log, and a megabyte for tables.
    let bytes_max = Some((3 * (256 << 10)) + (64 << 20) + (1 << 20));
    let InFolder { store, folder } = fresh_as(&Settings { bytes_max, ..held() });
    assert!(store.has_room());
    let mut last = 0;
    while store.has_room() {
        last += 1;
        assert_eq!(store.commit(content(last, 0, Some(64 << 10))).await.unwrap(), Commit::Committed);
        applied(&store, &folder, last).await;
        assert!(last < 16, "a megabyte does not hold so much");
    }
    assert!(last > 4, "there was room for something");
    // What is under way is kept all the same.
    assert_eq!(store.commit(content(last, 1, Some(1))).await.unwrap(), Commit::Committed);
    drop(store);
    let store = open_as(&folder, &Settings { bytes_max, ..held() }).unwrap();
    for id in 1..=last {
        let version = if id == last { 2 } else { 1 };
        assert_eq!(store.commit(content(id, version, None)).await.unwrap(), Commit::Committed);
    }
    applied(&store, &folder, last + 1).await;
    assert!(store.has_room());
}

#[tokio::test]
async fn a_store_that_is_opened_past_its_bound_has_no_room_from_the_start() {
    let InFolder { store, folder } = fresh().await;
    assert_eq!(store.commit(content(1, 0, Some(1 << 20))).await.unwrap(), Commit::Committed);
    drop(store);
    let bytes_max = Some((3 * (256 << 10)) + (64 << 20) + (1 << 20));
    assert!(!open_as(&folder, &Settings { bytes_max, ..held() }).unwrap().has_room());
    assert!(open_as(&folder, &held()).unwrap().has_room());
}

/// Does nothing unless it is told where.
#[tokio::test]
async fn a_child_meets_the_end_of_its_files() {
    let Some(folder) = std::env::args().find_map(|argument| argument.strip_prefix(FOLDER).map(PathBuf::from))
    else {
        return;
    };
    let store = SqliteStore::open(&folder.join("trunkline.db"), &held(), Arc::new(NoVault)).unwrap();
    assert_eq!(store.commit(content(1, 0, Some(9))).await.unwrap(), Commit::Committed);
    let refused = store.commit(content(2, 0, Some(LARGE))).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert_eq!(store.look_up(content(2, 0, None).id).await.unwrap(), Committed::No);
    assert_eq!(store.commit(content(3, 0, Some(9))).await.unwrap(), Commit::Committed);
    assert_eq!(store.scan(None, Kind::Content).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_journal_that_cannot_grow_refuses_a_batch_and_keeps_the_others() {
    let folder = TempFolder::new("room");
    // The system itself refuses longer files, with an error instead of a signal.
    let limited = format!("trap '' XFSZ; ulimit -f {BLOCKS_MAX}; exec \"$0\" \"$@\"");
    let ended = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--nocapture"])
        .arg(format!("{FOLDER}{}", folder.path().display()))
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let store = open_as(&folder, &held()).unwrap();
    let rows = store.scan(None, Kind::Content).await.unwrap();
    let kept: Vec<Key> = rows.into_iter().map(|row| row.key).collect();
    assert_eq!(kept, [1, 3].map(|id| Key::id::<Content>(TENANT, Id(id))));
    // With room it is kept under the name that was refused.
    assert_eq!(store.commit(content(2, 0, Some(LARGE))).await.unwrap(), Commit::Committed);
}

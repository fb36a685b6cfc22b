//! Files of other versions are left alone, and what the tables keep beside rows is kept right.

use super::*;

#[tokio::test]
async fn a_newer_file_is_refused_and_left_alone() {
    let InFolder { store, folder } = fresh().await;
    drop(store);
    let raw = rusqlite::Connection::open(folder.path().join("trunkline.db")).unwrap();
    raw.pragma_update(None, "user_version", 999).unwrap();
    let error = open(&folder).err().unwrap();
    assert_eq!(error.kind, ErrorKind::TooNew);
    assert!(error.to_string().contains("newer version"), "{error}");
    let version: i64 = raw.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 999);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_as_corrupt() {
    let folder = TempFolder::new("sqlite");
    std::fs::write(folder.path().join("trunkline.db"), "no database at all, just words. ".repeat(200))
        .unwrap();
    assert_eq!(open(&folder).err().unwrap().kind, ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_file_from_before_the_first_release_is_refused_and_left_alone() {
    let folder = TempFolder::new("sqlite");
    let raw = rusqlite::Connection::open(database(&folder)).unwrap();
    raw.execute_batch("CREATE TABLE row_message (x)").unwrap();
    raw.pragma_update(None, "user_version", 4).unwrap();
    let error = open(&folder).err().unwrap();
    assert_eq!(error.kind, ErrorKind::Invalid);
    assert!(error.to_string().contains("before the first release"), "{error}");
    let tables: i64 = raw.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

/// "event_page" lets a tenant's events be found among many of others, whatever is cut off.
#[tokio::test]
async fn a_tenants_events_are_found_far_apart_and_after_cuts() {
    const EVERY: u64 = 100;
    let InFolder { store, folder } = fresh().await;
    let (rare, common) = (TenantId(Id(1)), TenantId(Id(2)));
    let tenant = |position: u64| if position.is_multiple_of(EVERY) { rare } else { common };
    for first in (1..=1000).step_by(50) {
        let events = (first..first + 50).map(|at| samples::event(at, tenant(at), Id(3))).collect();
        let batch = Batch { id: Id(u128::from(first)), events, ..Batch::default() };
        assert_eq!(store.commit(batch).await.unwrap(), Commit::Committed);
    }
    drop(store);
    let positions = async |store: &SqliteStore, after: u64, limit: usize| -> Vec<u64> {
        let events = store.events(Some(rare), after, limit).await.unwrap();
        events.iter().map(|event| event.position).collect()
    };
    let store = open(&folder).unwrap();
    assert_eq!(positions(&store, 0, 99).await, (100..=1000).step_by(100).collect::<Vec<_>>());
    assert_eq!(positions(&store, 300, 2).await, [400, 500]);
    assert_eq!(positions(&store, 399, 1).await, [400]);
    for through in [20, 450, 500] {
        store.cut_log(through, 1000).await.unwrap();
    }
    assert_eq!(positions(&store, 0, 2).await, [600, 700]);
    drop(store);
    let raw = rusqlite::Connection::open(database(&folder)).unwrap();
    let oldest: i64 = raw.query_row("SELECT min(page) FROM event_page", [], |row| row.get(0)).unwrap();
    assert_eq!(oldest, 501 / 64, "pages that are wholly cut are gone");
}

//! Nobody but the owner may open what the store writes: database, what SQLite puts beside it, journal, backups.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;
use crate::crash::batch;

/// Everything under a folder by its name, with its mode.
fn modes(folder: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        found.push((entry.file_name().into_string().unwrap(), mode));
        if entry.file_type().unwrap().is_dir() {
            found.extend(modes(&entry.path()));
        }
    }
    found.sort();
    found
}

/// What a store keeps on disk while it is open, with the journal's one segment.
fn own(segment: &str) -> [(&str, u32); 5] {
    [
        (segment, 0o600),
        ("trunkline.db", 0o600),
        ("trunkline.db-shm", 0o600),
        ("trunkline.db-wal", 0o600),
        ("trunkline.journal", 0o700),
    ]
}

fn assert_private(folder: &Path, own: &[(&str, u32)]) {
    let own: Vec<(String, u32)> = own.iter().map(|(name, mode)| ((*name).to_owned(), *mode)).collect();
    assert_eq!(modes(folder), own);
}

#[tokio::test]
async fn what_a_store_writes_is_its_owners_alone() {
    let InFolder { store, folder } = fresh_held().await;
    assert_eq!(store.commit(batch(1)).await.unwrap(), Commit::Committed);
    assert_private(folder.path(), &own("00000000000000000001"));
}

#[tokio::test]
async fn what_others_could_open_is_closed_to_them_at_the_start() {
    let InFolder { store, folder } = fresh_held().await;
    assert_eq!(store.commit(batch(1)).await.unwrap(), Commit::Committed);
    // As a killed process would leave it.
    let left = TempFolder::new("open");
    crate::torn::image(folder.path(), left.path());
    for entry in std::fs::read_dir(left.path()).unwrap() {
        set_permissions(entry.unwrap().path(), Permissions::from_mode(0o755)).unwrap();
    }
    let segment = left.path().join("trunkline.journal/00000000000000000001");
    set_permissions(&segment, Permissions::from_mode(0o644)).unwrap();
    let _store = open_as(&left, &held()).unwrap();
    assert_private(left.path(), &own("00000000000000000002"));
}

#[tokio::test]
async fn backups_and_what_is_restored_from_them_are_their_owners_alone() {
    let InFolder { store, folder: _folder } = fresh_held().await;
    assert_eq!(store.commit(batch(1)).await.unwrap(), Commit::Committed);
    let (place, elsewhere) = (TempFolder::new("backups"), TempFolder::new("restored"));
    store.backup(&place.path().join("one")).await.unwrap();
    assert_private(place.path(), &[("manifest.json", 0o600), ("one", 0o700), ("trunkline.db", 0o600)]);
    store_sqlite::restore(&place.path().join("one"), &database(&elsewhere), &[], &NoVault).unwrap();
    assert_private(elsewhere.path(), &[("trunkline.db", 0o600)]);
}

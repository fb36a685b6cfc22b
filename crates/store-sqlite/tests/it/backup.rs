//! Backups hold everything acknowledged before they were asked for, at one position of the log, and are restored to an
//! empty place or not at all.

use store_sqlite::restore;

use super::*;
use crate::crash::{batch, model};
use crate::model::assert_alike;

async fn kept(settings: &Settings, last: u64) -> InFolder {
    let fresh = fresh_as(settings);
    for number in 1..=last {
        assert_eq!(fresh.store.commit(batch(number)).await.unwrap(), Commit::Committed);
    }
    fresh
}

#[tokio::test]
async fn a_backup_holds_what_waits_in_the_journal_too() {
    for settings in [held(), eager()] {
        let InFolder { store, folder } = kept(&settings, 9).await;
        let place = folder.path().join("backup");
        let manifest = store.backup(&place).await.unwrap();
        assert_eq!((manifest.position, manifest.schema), (9, 5));
        // The store goes on; the backup does not change.
        assert_eq!(store.commit(batch(10)).await.unwrap(), Commit::Committed);
        let elsewhere = TempFolder::new("restored");
        assert_eq!(restore(&place, &database(&elsewhere), &[], &NoVault).unwrap(), manifest);
        let restored = open(&elsewhere).unwrap();
        assert_alike(&restored, &model(9).await, 0).await;
        assert_eq!(restored.look_up(batch(9).id).await.unwrap(), Committed::Yes);
        assert_eq!(restored.commit(batch(10)).await.unwrap(), Commit::Committed);
    }
}

#[tokio::test]
async fn a_restore_writes_and_deletes_rows_that_it_was_given() {
    let InFolder { store, folder } = kept(&held(), 3).await;
    let [kept, gone, fresh] = ["kept", "gone", "fresh"].map(|name| Key::counter(TenantId(Id(7)), name));
    let record = |number| Some(Record::Counter(Counter(number).into()));
    let write = |key: &Key| Write { key: key.clone(), version: 0, record: record(1) };
    let rows = Batch { id: Id(900), writes: vec![write(&kept), write(&gone)], ..Batch::default() };
    assert_eq!(store.commit(rows).await.unwrap(), Commit::Committed);
    let (place, elsewhere) = (folder.path().join("backup"), TempFolder::new("restored"));
    store.backup(&place).await.unwrap();
    let changes = [(kept.clone(), record(2)), (gone.clone(), None), (fresh.clone(), record(3))];
    restore(&place, &database(&elsewhere), &changes, &NoVault).unwrap();
    let restored = open(&elsewhere).unwrap();
    let rows = restored.load(vec![kept.clone(), gone, fresh]).await.unwrap();
    let rows: Vec<_> = rows.into_iter().map(|row| (row.version, row.record)).collect();
    assert_eq!(rows, [(2, record(2)), (0, None), (1, record(3))]);
    let again = Write { key: kept, version: 2, record: record(4) };
    let batch = Batch { id: Id(901), writes: vec![again], ..Batch::default() };
    assert_eq!(restored.commit(batch).await.unwrap(), Commit::Committed);
}

#[tokio::test]
async fn a_backup_amid_commits_is_of_one_position() {
    let InFolder { store, folder } = kept(&eager(), 5).await;
    let place = folder.path().join("backup");
    let commits = async {
        for number in 6..=60 {
            assert_eq!(store.commit(batch(number)).await.unwrap(), Commit::Committed);
        }
    };
    let (manifest, ()) = futures_util::future::join(store.backup(&place), commits).await;
    let elsewhere = TempFolder::new("restored");
    let position = manifest.unwrap().position;
    assert!((5..=60).contains(&position));
    restore(&place, &database(&elsewhere), &[], &NoVault).unwrap();
    assert_alike(&open(&elsewhere).unwrap(), &model(position).await, 0).await;
}

#[tokio::test]
async fn a_restored_store_refuses_the_journal_it_was_parted_from() {
    let InFolder { store, folder } = kept(&held(), 3).await;
    let place = folder.path().join("backup");
    store.backup(&place).await.unwrap();
    let elsewhere = TempFolder::new("restored");
    restore(&place, &database(&elsewhere), &[], &NoVault).unwrap();
    let name = "trunkline.journal/00000000000000000001";
    std::fs::create_dir(elsewhere.path().join("trunkline.journal")).unwrap();
    std::fs::copy(folder.path().join(name), elsewhere.path().join(name)).unwrap();
    assert!(open(&elsewhere).err().unwrap().to_string().contains("another database"));
}

#[tokio::test]
async fn a_backup_is_not_written_over_another() {
    let InFolder { store, folder } = kept(&held(), 1).await;
    let place = folder.path().join("backup");
    store.backup(&place).await.unwrap();
    assert_eq!(store.backup(&place).await.unwrap_err().kind, ErrorKind::Invalid);
}

#[tokio::test]
async fn what_is_damaged_unfinished_or_newer_is_not_restored_and_leaves_the_place_empty() {
    let InFolder { store, folder } = kept(&held(), 3).await;
    let place = folder.path().join("backup");
    store.backup(&place).await.unwrap();
    let (copy, manifest) = (place.join("trunkline.db"), place.join("manifest.json"));
    let (bytes, says) = (std::fs::read(&copy).unwrap(), std::fs::read_to_string(&manifest).unwrap());
    let elsewhere = TempFolder::new("restored");
    let refused = |kind| {
        assert_eq!(restore(&place, &database(&elsewhere), &[], &NoVault).unwrap_err().kind, kind);
        assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    };
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    for other in [&damaged, &bytes[..bytes.len() - 1].to_vec()] {
        std::fs::write(&copy, other).unwrap();
        refused(ErrorKind::Corrupt);
    }
    std::fs::write(&copy, &bytes).unwrap();
    for (from, to) in [("\"format\":1", "\"format\":2"), ("\"schema\":5", "\"schema\":6")] {
        std::fs::write(&manifest, says.replace(from, to)).unwrap();
        refused(ErrorKind::TooNew);
    }
    std::fs::write(&manifest, says.replace("\"schema\":5", "\"schema\":4")).unwrap();
    refused(ErrorKind::Invalid);
    std::fs::remove_file(&manifest).unwrap();
    refused(ErrorKind::Invalid);
    std::fs::write(&manifest, says).unwrap();
    restore(&place, &database(&elsewhere), &[], &NoVault).unwrap();
    assert_eq!(restore(&place, &database(&elsewhere), &[], &NoVault).unwrap_err().kind, ErrorKind::Invalid);
}

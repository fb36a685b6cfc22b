//! Attachments come back as they were put, from behind their tenant's wall, over a reopening.
//! That the sync reaches the disk cannot be seen from here; the crash tests of the server try it.

use bytes::Bytes;
use domain::id::{FileId, Id, TenantId};
use ports::Files as _;
use ports::files::Rendering;
use store_files::FolderFiles;
use testkit::TempFolder;

const TENANT: TenantId = TenantId(Id(1));
const FILE: FileId = FileId(Id(2));

#[tokio::test]
async fn a_file_is_there_after_reopening_and_each_rendering_is_its_own() {
    let folder = TempFolder::new("files");
    let root = folder.path().join("made/when/absent");
    let files = FolderFiles::open(&root).unwrap();
    files.put(TENANT, FILE, Rendering::Original, Bytes::from_static(b"whole")).await.unwrap();
    files.put(TENANT, FILE, Rendering::Thumbnail, Bytes::from_static(b"small")).await.unwrap();
    let files = FolderFiles::open(&root).unwrap();
    assert_eq!(files.get(TENANT, FILE, Rendering::Original).await.unwrap().unwrap(), "whole");
    assert_eq!(files.get(TENANT, FILE, Rendering::Thumbnail).await.unwrap().unwrap(), "small");
}

#[tokio::test]
async fn a_removed_file_is_gone_with_its_thumbnail_and_removing_none_is_no_error() {
    let folder = TempFolder::new("files");
    let files = FolderFiles::open(folder.path()).unwrap();
    files.remove(TENANT, FILE).await.unwrap();
    for rendering in [Rendering::Original, Rendering::Thumbnail] {
        files.put(TENANT, FILE, rendering, Bytes::from_static(b"mine")).await.unwrap();
    }
    files.remove(TenantId(Id(9)), FILE).await.unwrap();
    assert!(files.get(TENANT, FILE, Rendering::Original).await.unwrap().is_some());
    files.remove(TENANT, FILE).await.unwrap();
    for rendering in [Rendering::Original, Rendering::Thumbnail] {
        assert_eq!(files.get(TENANT, FILE, rendering).await.unwrap(), None);
    }
}

#[tokio::test]
async fn another_tenant_has_no_such_file() {
    let folder = TempFolder::new("files");
    let files = FolderFiles::open(folder.path()).unwrap();
    files.put(TENANT, FILE, Rendering::Original, Bytes::from_static(b"mine")).await.unwrap();
    assert_eq!(files.get(TenantId(Id(9)), FILE, Rendering::Original).await.unwrap(), None);
    assert_eq!(files.get(TENANT, FileId(Id(9)), Rendering::Original).await.unwrap(), None);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_said_in_words() {
    let folder = TempFolder::new("files");
    std::fs::write(folder.path().join("taken"), "a file").unwrap();
    let error = FolderFiles::open(&folder.path().join("taken")).err().unwrap();
    assert!(error.to_string().contains("cannot be opened"), "{error}");
}

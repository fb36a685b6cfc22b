//! Attachments as files under one folder, reached through the object-store interface.
//!
//! A put returns when the file and every folder above it, up to the root, are synced: the row that names the file is
//! committed after it, and must never name a file that a power cut took away. Files nobody names are harmless.

use std::fs::File;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use domain::id::{FileId, TenantId};
use futures_util::future::BoxFuture;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore as _, PutPayload};
use ports::files::Rendering;
use ports::{Error, ErrorKind, Files};

/// A tenant's files stand in folders by the last characters of their ids, so that none grows too long.
const SHARD_CHARACTERS: usize = 2;

/// Attachments in a folder.
pub struct FolderFiles {
    store: Arc<LocalFileSystem>,
    root: PathBuf,
}

impl FolderFiles {
    /// Files under `root`, which is made if absent.
    pub fn open(root: &FilePath) -> Result<FolderFiles, Error> {
        let refuse = |error: Box<dyn std::error::Error + Send + Sync>| {
            let sentence = format!("the folder for attachments cannot be opened at {}", root.display());
            Error::new(ErrorKind::Unavailable, sentence).because(error)
        };
        std::fs::create_dir_all(root).map_err(|error| refuse(error.into()))?;
        // Paths are compared with what the object store answers, which has no links in it.
        let root = root.canonicalize().map_err(|error| refuse(error.into()))?;
        let store = LocalFileSystem::new_with_prefix(&root).map_err(|error| refuse(error.into()))?;
        Ok(FolderFiles { store: Arc::new(store), root })
    }
}

fn path(tenant: TenantId, file: FileId, rendering: Rendering) -> Path {
    let name = file.ulid();
    let shard = &name[name.len() - SHARD_CHARACTERS..];
    let suffix = match rendering {
        Rendering::Original => "",
        Rendering::Thumbnail => ".thumbnail",
    };
    Path::from(format!("{}/{shard}/{name}{suffix}", tenant.ulid()))
}

/// Syncs a file and all folders from its own up to the root, any of which may be new.
fn sync(root: &FilePath, path: &FilePath) -> std::io::Result<()> {
    File::open(path)?.sync_all()?;
    for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(root)) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn put_failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Unavailable, "an attachment could not be stored").because(error)
}

fn remove_failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Unavailable, "an attachment could not be removed").because(error)
}

fn get_failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Unavailable, "an attachment could not be read").because(error)
}

impl Files for FolderFiles {
    fn put(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
        bytes: Bytes,
    ) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            let path = path(tenant, file, rendering);
            self.store.put(&path, PutPayload::from_bytes(bytes)).await.map_err(put_failed)?;
            let (root, file) = (self.root.clone(), self.root.join(path.as_ref()));
            let synced = tokio::task::spawn_blocking(move || sync(&root, &file)).await;
            synced.map_err(put_failed)?.map_err(put_failed)
        })
    }

    fn get(
        &self,
        tenant: TenantId,
        file: FileId,
        rendering: Rendering,
    ) -> BoxFuture<'_, Result<Option<Bytes>, Error>> {
        Box::pin(async move {
            match self.store.get(&path(tenant, file, rendering)).await {
                Ok(found) => found.bytes().await.map(Some).map_err(get_failed),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(error) => Err(get_failed(error)),
            }
        })
    }

    fn remove(&self, tenant: TenantId, file: FileId) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            for rendering in [Rendering::Original, Rendering::Thumbnail] {
                match self.store.delete(&path(tenant, file, rendering)).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(remove_failed(error)),
                }
            }
            let whole = self.root.join(path(tenant, file, Rendering::Original).as_ref());
            let synced = tokio::task::spawn_blocking(move || match whole.parent().map(File::open) {
                Some(Ok(folder)) => folder.sync_all(),
                // Nothing was ever stored there.
                _ => Ok(()),
            });
            synced.await.map_err(remove_failed)?.map_err(remove_failed)
        })
    }
}

//! The data folder: locked by one process at a time, readable by its owner alone.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Held by the process that works on the folder.
pub const LOCK: &str = "lock";
/// Keys that seal secrets at rest, unless the settings put them elsewhere.
pub const VAULT_KEY: &str = "vault.key";

/// A locked data folder. The lock goes with the value.
pub struct DataFolder {
    root: PathBuf,
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if absent, and takes its lock.
    pub fn lock(root: &Path) -> anyhow::Result<DataFolder> {
        match DataFolder::try_lock(root)? {
            Some(folder) => Ok(folder),
            None => {
                bail!("another Trunkline runs on the data folder {}; stop it first", root.display())
            }
        }
    }

    /// As `lock`; none while another process holds it.
    pub fn try_lock(root: &Path) -> anyhow::Result<Option<DataFolder>> {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(root);
        made.with_context(|| format!("the data folder {} cannot be made", root.display()))?;
        let path = root.join(LOCK);
        let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(DataFolder { root: root.to_owned(), _lock: lock })),
            Err(std::fs::TryLockError::WouldBlock) => Ok(None),
            Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
        }
    }

    /// The embedded database.
    pub fn database(&self) -> PathBuf {
        self.root.join("trunkline.db")
    }

    /// Attachments.
    pub fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// Keys that seal secrets at rest.
    pub fn vault_key(&self) -> PathBuf {
        self.root.join(VAULT_KEY)
    }

    /// Thirty-two bytes that stay the same from start to start: made at the first.
    pub fn secret(&self, name: &str) -> anyhow::Result<[u8; 32]> {
        let path = self.root.join(name);
        match std::fs::read(&path) {
            Ok(bytes) => match <[u8; 32]>::try_from(bytes.as_slice()) {
                Ok(secret) => Ok(secret),
                Err(_) => bail!("{} is not a key of 32 bytes; restore it from a backup", path.display()),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let secret = crate::random::bytes();
                let mut file = File::options().create_new(true).write(true).mode(0o600).open(&path)?;
                std::io::Write::write_all(&mut file, &secret)?;
                file.sync_all()?;
                Ok(secret)
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }
}

/// The socket by which commands reach a running server.
pub fn socket(root: &Path) -> PathBuf {
    root.join("admin.sock")
}

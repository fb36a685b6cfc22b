//! A folder that goes away with the test that made it.
//! Its name holds the process and a count, so that tests running side by side never share one.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

static MADE: AtomicU32 = AtomicU32::new(0);

/// A fresh, empty folder.
#[derive(Debug)]
pub struct TempFolder(PathBuf);

impl TempFolder {
    /// Makes one under the system's folder for temporary files.
    pub fn new(what: &str) -> TempFolder {
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("trunkline-{what}-{}-{made}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // A killed run with the same process id may have left its folder.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the system's folder for temporary files takes a folder");
        TempFolder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

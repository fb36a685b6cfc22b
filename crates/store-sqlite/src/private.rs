//! Files and folders that only their owner may open: messages and people's addresses stand in all of them.
//!
//! New ones are made so, whatever the process's mask says. Older ones that others may open are closed to them. SQLite
//! gives what it puts beside a database (`-wal`, `-shm`, `-journal`) the mode of the database.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// What a file's group and all others may do.
const OTHERS: u32 = 0o077;

/// Opens a file to read and write, an empty one where none is, and closes it to others.
pub fn file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.read(true).write(true).create(true).truncate(false).mode(FILE_MODE).open(path)?;
    close(path, FILE_MODE)?;
    Ok(file)
}

/// The same for a database, and what an earlier process left beside it.
pub fn database(path: &Path) -> io::Result<()> {
    drop(file(path)?);
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match close(Path::new(&name), FILE_MODE) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            closed => closed?,
        }
    }
    Ok(())
}

/// Makes a folder where none is. One that is there stays as open as it is.
pub fn new_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(path)
}

/// Makes a folder where none is, and closes it to others.
pub fn folder(path: &Path) -> io::Result<()> {
    new_folder(path)?;
    close(path, FOLDER_MODE)
}

fn close(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path)?.permissions().mode() & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(mode))
}

//! Backups: a folder with the store's copy in `store/`, attachments in `files/`, keys in `keys/`, and `SHA256SUMS`,
//! which `sha256sum -c` reads as well.
//!
//! The order carries the promise. The store is copied first and attachments afterwards: a file is on disk before the
//! row that names it, so the file of every copied row is there. The list of checksums gets its name last: a folder
//! without one is a backup that was not finished. A restore reads everything against the list before it writes, and
//! the database last: a folder without one holds nothing that a server could take for whole. The restored server's log is
//! another one than the backup's, and its delivery is paused unless the operator knows better.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File};
use std::io::{self, BufRead as _, BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use cli::BackupRow;
use domain::command::server;
use domain::record::{Counter, Record};
use sha2::{Digest as _, Sha256};
use store_files::FileVault;
use store_sqlite::SqliteStore;

use crate::data::{DataFolder, LOCK, VAULT_KEY};

const STORE: &str = "store";
const FILES: &str = "files";
const KEYS: &str = "keys";
const SUMS: &str = "SHA256SUMS";
/// Beginning of the names of the demo's own files.
const DEMO: &str = "demo";
const PART_BYTES: usize = 1 << 20;

/// Writes a backup of the open store and the data folder around it into `to`, which must be empty or absent.
pub async fn write(store: &SqliteStore, data: &Path, to: &Path) -> anyhow::Result<BackupRow> {
    prepare(data, to)?;
    let manifest = store.backup(&to.join(STORE)).await?;
    let (data, to) = (data.to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || finish(&data, &to, manifest.position)).await?
}

/// What becomes of the messages that waited when the backup was made: its server may have sent them since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// They wait until somebody says so.
    Paused,
    /// They are handed over when the restored server starts.
    GoesOn,
}

/// Checks the backup in `from`, and restores it to `data`, which must be empty or absent. `vault_key` says where the
/// settings put the vault's key if not into the data folder.
pub fn restore(
    from: &Path,
    data: &Path,
    vault_key: Option<&Path>,
    delivery: Delivery,
) -> anyhow::Result<BackupRow> {
    refuse_unless_empty(data)?;
    let (names, bytes) = verify(from)?;
    refuse_without_vault_key(&names, vault_key)?;
    let folder = DataFolder::lock(data)?;
    refuse_unless_empty(data)?;
    let mut row = BackupRow { folder: data.display().to_string(), bytes, ..BackupRow::default() };
    let mut copying = Copying::to(data);
    for name in &names {
        let source = from.join(name);
        if name.starts_with(FILES) {
            copying.copy(&source, name)?;
            row.files += 1;
        } else if let Ok(key) = name.strip_prefix(KEYS) {
            copying.copy(&source, key)?;
            row.keys.push(key.display().to_string());
        }
    }
    copying.sync()?;
    let vault = FileVault::open(vault_key.unwrap_or(&folder.vault_key()))?;
    let paused = (delivery == Delivery::Paused).then(|| Record::Counter(Counter(1).into()));
    let rows = [(server::delivery_paused(), paused), (server::log_name(), None)];
    row.position = store_sqlite::restore(&from.join(STORE), &folder.database(), &rows, &vault)?.position;
    Ok(row)
}

/// Makes the folders of a backup; somebody else's backup into the same one fails here.
fn prepare(data: &Path, to: &Path) -> anyhow::Result<()> {
    let shown = to.display();
    let mut private = DirBuilder::new();
    private.mode(0o700).recursive(true).create(to).with_context(|| format!("{shown} cannot be made"))?;
    if to.canonicalize()?.starts_with(data.canonicalize()?) {
        bail!("{shown} is in the data folder, and would be lost with it");
    }
    if let Some(name) = content(to)? {
        bail!("{shown} is not empty: it holds {name}");
    }
    for folder in [STORE, FILES, KEYS] {
        private.recursive(false).create(to.join(folder)).with_context(|| format!("in {shown}"))?;
    }
    Ok(())
}

/// Attachments and keys after the store, and the list of all.
fn finish(data: &Path, to: &Path, position: u64) -> anyhow::Result<BackupRow> {
    let mut row = BackupRow { folder: to.display().to_string(), position, ..BackupRow::default() };
    let unfinished = to.join(SUMS).with_extension("part");
    let mut sums = BufWriter::new(private_file(&unfinished)?);
    let mut add = |name: &Path, (bytes, sum): (u64, String)| -> anyhow::Result<()> {
        let name =
            name.to_str().filter(|name| !name.contains('\n')).context("a file's name is no plain text")?;
        writeln!(sums, "{sum}  {name}")?;
        row.bytes += bytes;
        Ok(())
    };
    for name in files_below(to, Path::new(STORE))? {
        let mut file = File::open(to.join(&name))?;
        add(&name, pass(&mut file, &mut io::sink())?)?;
    }
    let mut copying = Copying::to(to);
    for name in files_below(data, Path::new(FILES))? {
        add(&name, copying.copy(&data.join(&name), &name)?)?;
        row.files += 1;
    }
    for key in keys(data)? {
        let name = Path::new(KEYS).join(&key);
        add(&name, copying.copy(&data.join(&key), &name)?)?;
        row.keys.push(key);
    }
    sums.into_inner()?.sync_all()?;
    copying.sync()?;
    std::fs::rename(&unfinished, to.join(SUMS))?;
    File::open(to)?.sync_all()?;
    Ok(row)
}

/// Reads the whole backup against its list. Returns its files' names and how long all are together.
fn verify(from: &Path) -> anyhow::Result<(Vec<PathBuf>, u64)> {
    let shown = from.display();
    let list = File::open(from.join(SUMS))
        .with_context(|| format!("there is no finished backup in {shown}: {SUMS} cannot be read"))?;
    let (mut names, mut length) = (Vec::new(), 0);
    for line in BufReader::new(list).lines() {
        let line = line?;
        let (sum, name) = line.split_once("  ").with_context(|| format!("{SUMS} in {shown} is damaged"))?;
        let name = PathBuf::from(name);
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            bail!("{SUMS} in {shown} names {}, which is no place in a backup", name.display());
        }
        let file = File::open(from.join(&name));
        let mut file = file.with_context(|| format!("{} of the backup cannot be read", name.display()))?;
        let (bytes, found) = pass(&mut file, &mut io::sink())?;
        if found != sum {
            bail!("the backup in {shown} is damaged: the checksum of {} differs", name.display());
        }
        names.push(name);
        length += bytes;
    }
    Ok((names, length))
}

/// Without its key a restored vault would get a fresh one, which opens nothing.
fn refuse_without_vault_key(names: &[PathBuf], moved: Option<&Path>) -> anyhow::Result<()> {
    match moved {
        Some(path) if !path.exists() => {
            bail!(
                "store.vault_key_file names {}, which is not there: put the key in its place first",
                path.display()
            )
        }
        None if !names.contains(&Path::new(KEYS).join(VAULT_KEY)) => {
            bail!("the vault's key is not in the backup: store.vault_key_file must name where it is")
        }
        _ => Ok(()),
    }
}

fn refuse_unless_empty(data: &Path) -> anyhow::Result<()> {
    match content(data)? {
        Some(name) => bail!(
            "the data folder {} is not empty, it holds {name}: a backup is restored to an empty one",
            data.display()
        ),
        None => Ok(()),
    }
}

/// The name of something in a folder other than its lock. An absent folder holds nothing.
fn content(folder: &Path) -> anyhow::Result<Option<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries.with_context(|| format!("{} cannot be read", folder.display()))?,
    };
    for entry in entries {
        let name = entry?.file_name();
        if name != LOCK {
            return Ok(Some(name.to_string_lossy().into_owned()));
        }
    }
    Ok(None)
}

/// Names of the keys in a data folder, without the demo's own.
fn keys(data: &Path) -> anyhow::Result<Vec<String>> {
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if Path::new(&name).extension().is_some_and(|last| last == "key") && !name.starts_with(DEMO) {
            keys.push(name);
        }
    }
    keys.sort_unstable();
    Ok(keys)
}

/// All files in the folder `below` of `root`, if there is one, and in its folders, as paths from `root`. Attachments
/// that are being written have a `#` in their names, and no row names them yet.
fn files_below(root: &Path, below: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    if root.join(below).exists() {
        folders.push(below.to_owned());
    }
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name);
            } else if !entry.file_name().to_string_lossy().contains('#') {
                files.push(name);
            }
        }
    }
    Ok(files)
}

/// Copies files to places below a folder that only the owner may read.
struct Copying {
    root: PathBuf,
    /// Those that hold copies.
    folders: BTreeSet<PathBuf>,
}

impl Copying {
    fn to(root: &Path) -> Copying {
        Copying { root: root.to_owned(), folders: BTreeSet::from([root.to_owned()]) }
    }

    /// Copies one file to `name` below the folder. Returns its length and checksum.
    fn copy(&mut self, from: &Path, name: &Path) -> anyhow::Result<(u64, String)> {
        let to = self.root.join(name);
        let fresh = to.ancestors().skip(1).take_while(|folder| !self.folders.contains(*folder));
        let fresh: Vec<PathBuf> = fresh.map(Path::to_owned).collect();
        if let Some(folder) = fresh.first() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        self.folders.extend(fresh);
        let copy = || -> io::Result<(u64, String)> {
            let mut file = private_file(&to)?;
            let passed = pass(&mut File::open(from)?, &mut file)?;
            file.sync_all()?;
            Ok(passed)
        };
        copy().with_context(|| format!("{} cannot be copied to {}", from.display(), to.display()))
    }

    /// Makes the names of all copies durable.
    fn sync(self) -> io::Result<()> {
        self.folders.iter().try_for_each(|folder| File::open(folder)?.sync_all())
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    File::options().create_new(true).write(true).mode(0o600).open(path)
}

/// Reads all of `from` into `to`. Returns length and SHA-256 in hex.
fn pass(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, String)> {
    let (mut part, mut length, mut digest) = (vec![0; PART_BYTES], 0, Sha256::new());
    loop {
        let read = from.read(&mut part)?;
        if read == 0 {
            return Ok((length, hex::encode(digest.finalize())));
        }
        to.write_all(&part[..read])?;
        digest.update(&part[..read]);
        length += read as u64;
    }
}

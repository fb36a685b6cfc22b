//! The journal: batches one behind the other in files of a fixed size, each synced before its commit is acknowledged.
//!
//! A *segment* is named by the number of its first batch. It is filled with zeros before it is used, because a sync
//! that need not record a new length is cheaper; a segment that is no longer needed becomes the next one. A batch
//! never spans segments; one larger than a segment makes its segment longer. Behind the newest batch stands an end
//! mark, a head of zeros, so that what a segment held before is never taken for something newer.
//!
//! A failed write is undone and refused; nothing was kept. A failed sync is the end of the store: the system may
//! forget what it failed to write, and a second sync would then succeed falsely.

mod disk;
mod frame;
mod read;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use ports::{Error, ErrorKind};

use crate::settings::{Settings, Sync};
use disk::Disk;
#[cfg(test)]
pub use disk::Fault;
use frame::HEAD_BYTES;
#[cfg(feature = "fuzzing")]
pub use read::batches;
pub use read::read;

/// Names the journal that belongs to a database file.
pub type JournalId = [u8; 16];

/// Why a batch was not kept.
#[derive(Debug)]
pub enum Unkept {
    /// Nothing of it is there; another may work.
    Refused(Error),
    /// Nobody knows what the disk holds.
    Fatal(Error),
}

/// The end that is written.
pub struct Journal {
    id: JournalId,
    sync: Sync,
    segment_bytes: u64,
    segments: Arc<Segments>,
    disk: Disk,
    /// Where the next batch goes.
    end: u64,
}

impl Journal {
    /// Begins a journal in `folder` at batch `first`. What segments were there must be applied and synced; they are
    /// not read again.
    pub fn begin(folder: &Path, id: JournalId, first: u64, settings: &Settings) -> Result<Journal, Error> {
        let segments = Arc::new(Segments::over(folder)?);
        segments.drop_all().map_err(|error| unusable(folder, error))?;
        let begun = segments.begin(id, first, settings.segment_bytes);
        let disk =
            begun.map_err(|(Unkept::Refused(error) | Unkept::Fatal(error))| unusable(folder, error))?;
        let segment_bytes = settings.segment_bytes;
        let end = frame::SEGMENT_HEAD_BYTES;
        Ok(Journal { id, sync: settings.sync, segment_bytes, segments, disk, end })
    }

    /// The file being written, for tests to let it fail.
    #[cfg(test)]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The segments, for whoever cuts them off.
    pub fn segments(&self) -> Arc<Segments> {
        Arc::clone(&self.segments)
    }

    /// Appends the batch of this number and syncs it.
    pub fn append(&mut self, number: u64, record: &Record) -> Result<(), Unkept> {
        let length = (HEAD_BYTES + record.payload().len()) as u64;
        if self.end + length > self.segment_bytes && self.end > frame::SEGMENT_HEAD_BYTES {
            self.disk = self.segments.begin(self.id, number, self.segment_bytes)?;
            self.end = frame::SEGMENT_HEAD_BYTES;
        }
        let head = frame::spell_head(number, &record.payload());
        // The head last: until it stands there, the end mark of the batch before does.
        let written = self.disk.write(&record.0, self.end + HEAD_BYTES as u64);
        if let Err(error) = written.and_then(|()| self.disk.write(&head, self.end)) {
            return Err(match self.disk.write(&frame::END_MARK, self.end) {
                Ok(()) => Unkept::Refused(unkept(error)),
                Err(again) => Unkept::Fatal(unsure(again)),
            });
        }
        if self.sync == Sync::Full {
            self.disk.sync().map_err(|error| Unkept::Fatal(unsure(error)))?;
        }
        self.end += length;
        Ok(())
    }
}

/// The segments on disk, oldest first, by the number of their first batch.
pub struct Segments {
    folder: PathBuf,
    firsts: Mutex<VecDeque<u64>>,
}

impl Segments {
    fn over(folder: &Path) -> Result<Segments, Error> {
        let firsts = read::firsts(folder)?;
        Ok(Segments { folder: folder.to_owned(), firsts: Mutex::new(firsts.into()) })
    }

    fn firsts(&self) -> MutexGuard<'_, VecDeque<u64>> {
        self.firsts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a segment could go if everything up to batch `applied` were synced in the tables.
    pub fn can_be_cut(&self, applied: u64) -> bool {
        self.firsts().get(1).is_some_and(|next| *next <= applied + 1)
    }

    /// How many there are, with the spare one.
    pub fn count(&self) -> u64 {
        self.firsts().len() as u64 + 1
    }

    /// Lets go of the segments that hold nothing behind batch `synced`. One is kept to be written anew.
    pub fn cut(&self, synced: u64) -> std::io::Result<()> {
        let mut firsts = self.firsts();
        while firsts.get(1).is_some_and(|next| *next <= synced + 1) {
            if let Some(first) = firsts.pop_front() {
                self.let_go(first)?;
            }
        }
        Ok(())
    }

    fn drop_all(&self) -> std::io::Result<()> {
        let mut firsts = self.firsts();
        while let Some(first) = firsts.pop_front() {
            self.let_go(first)?;
        }
        Ok(())
    }

    fn let_go(&self, first: u64) -> std::io::Result<()> {
        let (path, spare) = (segment(&self.folder, first), self.spare());
        if spare.exists() { fs::remove_file(path) } else { fs::rename(path, spare) }
    }

    /// Makes the segment that begins with batch `first`. It gets its name only when it is whole.
    fn begin(&self, id: JournalId, first: u64, bytes: u64) -> Result<Disk, Unkept> {
        let mut firsts = self.firsts();
        let begin = || -> std::io::Result<(Disk, fs::File)> {
            let disk = Disk::zeroed(&self.spare(), bytes)?;
            disk.write(&frame::segment_head(id, first), 0)?;
            Ok((disk, fs::File::open(&self.folder)?))
        };
        let (disk, folder) = begin().map_err(|error| Unkept::Refused(unkept(error)))?;
        disk.sync().map_err(|error| Unkept::Fatal(unsure(error)))?;
        fs::rename(self.spare(), segment(&self.folder, first))
            .map_err(|error| Unkept::Refused(unkept(error)))?;
        folder.sync_all().map_err(|error| Unkept::Fatal(unsure(error)))?;
        firsts.push_back(first);
        Ok(disk)
    }

    fn spare(&self) -> PathBuf {
        self.folder.join("spare")
    }
}

/// A batch's bytes as they are written: its payload, and the end mark that stands behind the newest batch.
pub struct Record(Bytes);

impl Record {
    /// Takes a payload over, without copying it where it has room for the mark.
    pub fn of(mut payload: Vec<u8>) -> Record {
        payload.extend_from_slice(&frame::END_MARK);
        Record(payload.into())
    }

    /// The payload, in the same memory.
    pub fn payload(&self) -> Bytes {
        self.0.slice(..self.0.len() - frame::END_MARK.len())
    }
}

/// A segment's bytes that hold these batches and its end mark.
#[cfg(feature = "fuzzing")]
pub fn spell_segment(first: u64, batches: &[Vec<u8>]) -> Vec<u8> {
    let mut segment = frame::segment_head([0; 16], first);
    segment.truncate(frame::SEGMENT_HEAD_BYTES as usize);
    for (number, batch) in (first..).zip(batches) {
        segment.extend(frame::spell_head(number, batch));
        segment.extend(batch);
    }
    segment.extend(frame::END_MARK);
    segment
}

fn segment(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("{first:020}"))
}

fn unkept(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "the journal could not keep a batch").because(error)
}

fn unsure(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Fatal, "the disk failed under the journal").because(error)
}

fn unusable(folder: &Path, error: impl Into<Box<dyn std::error::Error + Send + std::marker::Sync>>) -> Error {
    let sentence = format!("the journal in {} cannot be used", folder.display());
    Error::new(ErrorKind::Unavailable, sentence).because(error)
}

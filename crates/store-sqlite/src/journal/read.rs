//! Reading a journal back after a start.
//!
//! The newest batch may be torn: its write was under way when the process or the machine stopped, so nobody was told
//! that it is kept, and it is cut off with a line in the log. Anything else that cannot be read is damage to what
//! was acknowledged, and the start is refused: going on would lose it silently.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use ports::{Error, ErrorKind};

use super::{JournalId, frame, segment, unusable};
use crate::private;

/// A batch that was found: its number and bytes.
pub type Found = (u64, Bytes);

/// The first batches of the segments in a folder, in order. The folder is made if need be.
pub fn firsts(folder: &Path) -> Result<Vec<u64>, Error> {
    let list = || -> std::io::Result<Vec<u64>> {
        private::folder(folder)?;
        let mut firsts = Vec::new();
        for entry in fs::read_dir(folder)? {
            firsts.extend(entry?.file_name().to_str().and_then(|name| name.parse::<u64>().ok()));
        }
        firsts.sort_unstable();
        Ok(firsts)
    };
    list().map_err(|error| unusable(folder, error))
}

/// Hands over every batch behind number `applied`, in order and without a gap.
pub fn read(
    folder: &Path,
    id: JournalId,
    applied: u64,
    mut each: impl FnMut(Found) -> Result<(), Error>,
) -> Result<(), Error> {
    let firsts = firsts(folder)?;
    for (place, first) in firsts.iter().enumerate() {
        let bytes = fs::read(segment(folder, *first)).map_err(|error| unusable(folder, error))?;
        let own = frame::read_segment_head(&bytes);
        if own.is_some_and(|(other, _)| other != id) {
            return Err(refusal(*first, "belongs to another database"));
        }
        if own.is_none_or(|(_, own)| own != *first) || place == 0 && *first > applied + 1 {
            return Err(refusal(*first, "is damaged, or segments before it are missing"));
        }
        let next =
            batches(bytes.into(), *first, |found| if found.0 > applied { each(found) } else { Ok(()) })?;
        if firsts.get(place + 1).is_some_and(|following| *following != next) {
            return Err(refusal(*first, &format!("lacks batch {next}, and later ones follow it")));
        }
    }
    Ok(())
}

/// Hands over a segment's batches and says which number would be next.
pub fn batches(
    segment: Bytes,
    first: u64,
    mut each: impl FnMut(Found) -> Result<(), Error>,
) -> Result<u64, Error> {
    let (mut at, mut next) = (frame::SEGMENT_HEAD_BYTES as usize, first);
    while let Some(batch) = whole(&segment, at, next) {
        at += frame::HEAD_BYTES + batch.len();
        each((next, batch))?;
        next += 1;
    }
    let rest = &segment[at.min(segment.len())..];
    if let Some(later) = rest.get(1..).and_then(|rest| frame::find_head(rest, next)) {
        let sentence =
            format!("is damaged at byte {at}, and later batches, such as {}, follow", later.number);
        return Err(refusal(first, &sentence));
    }
    if rest.iter().take(frame::HEAD_BYTES).any(|byte| *byte != 0) {
        tracing::warn!(segment = first, at, batch = next, "cut off a torn batch at the end of the journal");
    }
    Ok(next)
}

/// The payload of batch `number`, if it stands there whole.
fn whole(segment: &Bytes, at: usize, number: u64) -> Option<Bytes> {
    let head = frame::head(segment.get(at..)?).filter(|head| head.number == number)?;
    let begin = at + frame::HEAD_BYTES;
    let payload = segment.get(begin..begin.checked_add(head.length)?)?;
    (crc32fast::hash(payload) == head.checksum).then(|| segment.slice(begin..begin + head.length))
}

fn refusal(first: u64, what: &str) -> Error {
    let sentence = format!(
        "the journal's segment {first:020} {what}; batches that were acknowledged may be lost, so the database is \
         not opened: restore a backup"
    );
    Error::new(ErrorKind::Corrupt, sentence)
}

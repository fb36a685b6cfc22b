//! How segments and batches begin: marks, numbers and checksums.
//!
//! The mark of a batch is no UTF-8, so that no body can hold it. The head has a checksum of its own: it can be told
//! whether a batch was there, even if its bytes are damaged.

use super::JournalId;

/// Length of a batch's head: mark, length, number, checksum of the payload, checksum of these.
pub const HEAD_BYTES: usize = 24;
/// What stands behind the newest batch.
pub const END_MARK: [u8; HEAD_BYTES] = [0; HEAD_BYTES];
/// A segment's own head, with room for the end mark that makes it empty.
pub const SEGMENT_HEAD_BYTES: u64 = 64;

const MARK: [u8; 4] = [0xff, b'T', b'B', 0xfe];
const SEGMENT_MARK: [u8; 8] = *b"TRNKJRN1";

/// What a batch's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    pub length: usize,
    pub number: u64,
    pub checksum: u32,
}

/// The head that stands before a payload.
pub fn spell_head(number: u64, payload: &[u8]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(&MARK);
    head[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[8..16].copy_from_slice(&number.to_le_bytes());
    head[16..20].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
    let own = crc32fast::hash(&head[..20]);
    head[20..].copy_from_slice(&own.to_le_bytes());
    head
}

/// The head that stands there, if one does.
pub fn head(bytes: &[u8]) -> Option<Head> {
    let head = bytes.get(..HEAD_BYTES)?;
    if head[..4] != MARK || crc32fast::hash(&head[..20]) != number(&head[20..24]) as u32 {
        return None;
    }
    let length = number(&head[4..8]) as usize;
    Some(Head { length, number: number(&head[8..16]), checksum: number(&head[16..20]) as u32 })
}

/// The first head in `bytes` whose number is at least `least`.
pub fn find_head(bytes: &[u8], least: u64) -> Option<Head> {
    let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    marks.filter_map(|(at, _)| head(&bytes[at..])).find(|head| head.number >= least)
}

/// A segment's head, with the end mark behind it.
pub fn segment_head(id: JournalId, first: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(SEGMENT_HEAD_BYTES as usize + HEAD_BYTES);
    head.extend_from_slice(&SEGMENT_MARK);
    head.extend_from_slice(&id);
    head.extend_from_slice(&first.to_le_bytes());
    head.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
    head.resize(SEGMENT_HEAD_BYTES as usize + HEAD_BYTES, 0);
    head
}

/// Which journal a segment belongs to and its first batch, if it has a segment's head.
pub fn read_segment_head(bytes: &[u8]) -> Option<(JournalId, u64)> {
    let head = bytes.get(..SEGMENT_HEAD_BYTES as usize)?;
    if head[..8] != SEGMENT_MARK || crc32fast::hash(&head[..32]) != number(&head[32..36]) as u32 {
        return None;
    }
    Some((head[8..24].try_into().ok()?, number(&head[24..32])))
}

/// Up to eight bytes, little-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

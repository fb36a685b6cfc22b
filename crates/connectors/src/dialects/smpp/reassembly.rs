//! Parts of concatenated incoming messages, put together. Bounded: the oldest incomplete one gives way. What was
//! completed is remembered for a while, so that a part the center repeats is not the start of a new message.

use std::collections::VecDeque;

const INCOMPLETE_MAX: usize = 1_000;
const COMPLETE_MAX: usize = 256;

/// Which message a part belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub from: String,
    pub to: String,
    pub reference: u16,
    pub total: u8,
}

/// A part in its place.
#[derive(Clone, Debug)]
pub struct Part {
    pub key: Key,
    /// Counted from 1.
    pub number: u8,
    pub octets: Vec<u8>,
}

/// What a part led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Added {
    /// Others are missing.
    Waiting,
    /// The octets of each part, in order.
    Complete(Vec<Vec<u8>>),
    /// A repetition of what was taken already.
    Repeated,
}

#[derive(Default)]
pub struct Reassembly {
    incomplete: VecDeque<(Key, Vec<Option<Vec<u8>>>)>,
    complete: VecDeque<(Key, Vec<Vec<u8>>)>,
}

impl Reassembly {
    pub fn add(&mut self, part: Part) -> Added {
        let place = usize::from(part.number).wrapping_sub(1);
        let known = self.complete.iter().find(|(key, _)| *key == part.key);
        if known.is_some_and(|(_, parts)| parts.get(place) == Some(&part.octets)) {
            return Added::Repeated;
        }
        let at = self.incomplete.iter().position(|(key, _)| *key == part.key);
        let (key, mut parts) = match at.and_then(|at| self.incomplete.remove(at)) {
            Some(entry) => entry,
            None => {
                let empty = vec![None; usize::from(part.key.total)];
                (part.key, empty)
            }
        };
        if let Some(slot) = parts.get_mut(place) {
            *slot = Some(part.octets);
        }
        if parts.iter().any(Option::is_none) {
            if self.incomplete.len() == INCOMPLETE_MAX {
                self.incomplete.pop_front();
            }
            self.incomplete.push_back((key, parts));
            return Added::Waiting;
        }
        Added::Complete(parts.into_iter().flatten().collect())
    }

    /// The completed message is durable: repetitions of its parts are not a new one.
    pub fn taken(&mut self, key: Key, parts: Vec<Vec<u8>>) {
        self.incomplete.retain(|(own, _)| *own != key);
        if self.complete.len() == COMPLETE_MAX {
            self.complete.pop_front();
        }
        self.complete.push_back((key, parts));
    }
}

/// Reference, total, number and the rest, from a user data header with 8- or 16-bit references.
pub fn split_header(octets: &[u8]) -> (Option<(u16, u8, u8)>, &[u8]) {
    let Some((length, _)) = octets.split_first() else {
        return (None, octets);
    };
    let Some((header, rest)) = octets[1..].split_at_checked(usize::from(*length)) else {
        return (None, octets);
    };
    let mut elements = header;
    while let [id, size, tail @ ..] = elements {
        let Some((value, next)) = tail.split_at_checked(usize::from(*size)) else {
            break;
        };
        match (id, value) {
            (0x00, [reference, total, number]) => {
                return (Some((u16::from(*reference), *total, *number)), rest);
            }
            (0x08, [high, low, total, number]) => {
                return (Some((u16::from_be_bytes([*high, *low]), *total, *number)), rest);
            }
            _ => elements = next,
        }
    }
    (None, rest)
}

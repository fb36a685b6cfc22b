//! Which rows surely are not there, told without looking: a Bloom filter of the names of those that are.
//!
//! Most of what a send asks for is not there: a new person's identity, a consent nobody gave, a receipt that did not
//! come early. Every name ever kept is in the filter, so a name that is not was never kept. A name that is may have
//! gone, or may share its bits with others: then the tables are asked. The names that the tables have at the start come
//! from a thread of its own (`census`); until it is through, nothing is known.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use domain::record::{Key, Kind};

use crate::names;

/// Kinds whose rows are mostly named by ids drawn just now. An id beyond the newest needs no filter.
pub const NAMED_IN_ORDER: &[Kind] = &[Kind::Contact, Kind::Conversation, Kind::Message, Kind::Content];

/// A name has one bit in each of a block's words, and a block is half a line of the processor's cache: to look a name
/// up is to fetch one line.
const WORDS: usize = 8;
/// Bits of the hash that choose a word's bit.
const BIT_OF_WORD: u32 = u32::BITS.ilog2();
/// Bits of the hash that choose the bits within a block; those above choose the block.
const BITS_IN_BLOCK: u32 = WORDS as u32 * BIT_OF_WORD;
/// No more blocks than what is left of the hash can tell apart.
const BLOCKS_MAX: usize = 1 << (u64::BITS - BITS_IN_BLOCK);

type Block = [AtomicU32; WORDS];

/// The filter. The committer adds names, anybody asks.
pub struct Filter {
    blocks: Box<[Block]>,
    /// It has the names that the tables had at the start.
    whole: AtomicBool,
}

impl Filter {
    /// An empty filter of about so many bytes, which knows nothing yet. With 2 bytes for a name about one look in a
    /// thousand is in vain, with 1 byte one in thirty.
    pub fn new(bytes: usize) -> Filter {
        let blocks = (bytes / size_of::<Block>()).clamp(1, BLOCKS_MAX);
        let blocks = (0..blocks).map(|_| Block::default()).collect();
        Filter { blocks, whole: AtomicBool::new(false) }
    }

    /// Adds the name of a row that is about to be kept, or was.
    pub fn add(&self, kind: Kind, hash: u64) {
        if !has(kind) {
            return;
        }
        for (word, bit) in self.block(hash).iter().zip(bits(hash)) {
            // Who must find it is told of the row through a lock or a channel, later.
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Whether it has less than a byte for each of so many names.
    pub fn is_small_for(&self, names: usize) -> bool {
        names > size_of_val(&*self.blocks)
    }

    /// From here on the filter knows.
    pub fn is_whole_now(&self) {
        self.whole.store(true, Ordering::Release);
    }

    /// Whether no row of this name was ever kept; `hash` is that of its place.
    pub fn is_absent(&self, kind: Kind, hash: u64) -> bool {
        if !has(kind) || !self.whole.load(Ordering::Acquire) {
            return false;
        }
        self.block(hash).iter().zip(bits(hash)).any(|(word, bit)| word.load(Ordering::Relaxed) & bit == 0)
    }

    /// The same of a key.
    pub fn lacks(&self, key: &Key) -> bool {
        // Most keys of the other kinds: not worth a hash.
        has(key.kind) && self.is_absent(key.kind, names::hash_of(key))
    }

    fn block(&self, hash: u64) -> &Block {
        let place = (hash >> BITS_IN_BLOCK) * self.blocks.len() as u64 / BLOCKS_MAX as u64;
        &self.blocks[place as usize]
    }
}

/// Whether the filter has a kind's names.
pub fn has(kind: Kind) -> bool {
    !NAMED_IN_ORDER.contains(&kind)
}

/// A bit for each word of a block.
fn bits(hash: u64) -> impl Iterator<Item = u32> {
    (0..WORDS as u32).map(move |word| 1 << ((hash >> (word * BIT_OF_WORD)) as u32 % u32::BITS))
}

#[cfg(test)]
mod tests {
    use domain::consent::Consent;
    use domain::contact::Contact;
    use domain::id::{Id, TenantId};

    use super::*;

    const NAMES: u128 = 20_000;

    fn key(number: u128) -> Key {
        Key::text::<Consent>(TenantId(Id(1)), &format!("app/SMS/{number}"))
    }

    fn filter(bytes: usize) -> Filter {
        let filter = Filter::new(bytes);
        (0..NAMES).for_each(|number| filter.add(Kind::Consent, names::hash_of(&key(number))));
        filter
    }

    #[test]
    fn a_name_that_was_added_is_never_called_absent() {
        // Far too small, too.
        for bytes in [0, 1 << 10, 1 << 20] {
            let filter = filter(bytes);
            filter.is_whole_now();
            assert!((0..NAMES).all(|number| !filter.lacks(&key(number))), "{bytes}");
        }
    }

    #[test]
    fn nothing_is_called_absent_before_the_filter_is_whole() {
        let filter = filter(1 << 20);
        assert!(!filter.lacks(&key(NAMES)));
        filter.is_whole_now();
        assert!((NAMES..2 * NAMES).any(|number| filter.lacks(&key(number))));
    }

    #[test]
    fn looks_in_vain_are_as_seldom_as_the_size_promises() {
        // Twice to four times what is promised: the hash is another one in each run.
        for (bytes_of_name, most) in [(1, NAMES / 15), (2, NAMES / 250)] {
            let filter = filter(NAMES as usize * bytes_of_name);
            filter.is_whole_now();
            let vain = (NAMES..2 * NAMES).filter(|number| !filter.lacks(&key(*number))).count() as u128;
            assert!(vain < most, "{vain} of {NAMES} with {bytes_of_name} bytes for a name");
        }
    }

    #[test]
    fn it_is_small_for_more_names_than_it_has_bytes() {
        let filter = Filter::new(1 << 10);
        assert!(!filter.is_small_for(1 << 10));
        assert!(filter.is_small_for((1 << 10) + 1));
    }

    #[test]
    fn kinds_and_tenants_do_not_share_names_and_kinds_named_in_order_are_not_told() {
        let filter = filter(1 << 20);
        filter.is_whole_now();
        let elsewhere = Key { tenant: TenantId(Id(2)), ..key(1) };
        assert!(filter.lacks(&elsewhere));
        assert!(filter.lacks(&Key { kind: Kind::Pointer, ..key(1) }));
        assert!(!filter.lacks(&Key::id::<Contact>(TenantId(Id(1)), Id(1))));
    }
}

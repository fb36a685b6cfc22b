//! Ids from a seed: the same seed gives the same ids, in growing order.
//! They are shaped like the UUIDv7 of production.

use domain::id::{Id, IdSource};

/// Where the ids' time begins: 2024-01-01, so that they look like ids of our days.
const EPOCH_MS: u128 = 1_704_067_200_000;

/// Replayable ids.
#[derive(Clone, Debug)]
pub struct SeededIds {
    state: u64,
    drawn: u128,
}

impl SeededIds {
    /// Ids of this seed. Different seeds give different ids.
    pub fn new(seed: u64) -> SeededIds {
        SeededIds { state: seed, drawn: 0 }
    }

    /// SplitMix64: any seed will do, zero included.
    fn chance(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

impl IdSource for SeededIds {
    fn next_id(&mut self) -> Id {
        self.drawn += 1;
        let version_and_variant = 0x7 << 76 | 0b10 << 62;
        let chance = u128::from(self.chance() >> 2);
        Id((EPOCH_MS + self.drawn) << 80 | version_and_variant | chance)
    }
}

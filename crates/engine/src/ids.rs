//! The source of ids: UUIDv7 bits from the clock, a counter within the millisecond, and entropy.
//! Each is larger than the one before, whatever the clock does, and across processes too: one begins behind the
//! latest time that the store knows.

use std::sync::{Mutex, PoisonError};

use domain::id::{Id, IdSource};
use domain::time::Time;

/// Time-ordered ids, strictly increasing.
#[derive(Debug)]
pub struct Ids(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Milliseconds and a 12-bit counter, the sortable head of the last id.
    head: u64,
    /// Drawn on for the tail; reseeded from the operating system when used up.
    entropy: u64,
}

impl Ids {
    /// A source seeded with 64 random bits.
    pub fn new(seed: u64) -> Ids {
        Ids(Mutex::new(State { head: 0, entropy: seed | 1 }))
    }

    /// A source seeded by the operating system.
    #[expect(clippy::disallowed_methods, reason = "this is the id source that everybody else is given")]
    pub fn from_entropy() -> Ids {
        let mut seed = [0; 8];
        // Without entropy ids of two processes could meet; better not to start.
        getrandom::fill(&mut seed).expect("the operating system gives entropy");
        Ids::new(u64::from_le_bytes(seed))
    }

    /// Goes on behind the ids of an earlier process that committed last at this time.
    pub(crate) fn go_on_after(&self, last: Time) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.head = state.head.max((last.plus_ms(1).0.max(0) as u64) << 12);
    }

    /// The time in the latest id, which runs ahead of the clock in a burst. A commit is no earlier.
    pub(crate) fn latest(&self) -> Time {
        Time((self.0.lock().unwrap_or_else(PoisonError::into_inner).head >> 12) as i64)
    }

    /// The next id at this time.
    pub fn next(&self, now: Time) -> Id {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let floor = (now.0.max(0) as u64) << 12;
        state.head = floor.max(state.head + 1);
        // splitmix64: spreads the seed over the tail; uniqueness within a process rests on the head alone.
        state.entropy = state.entropy.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut tail = state.entropy;
        tail = (tail ^ (tail >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        tail = (tail ^ (tail >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        tail ^= tail >> 31;
        let (ms, counter) = (state.head >> 12, state.head & 0xfff);
        let high = u128::from(ms) << 80 | 0x7 << 76 | u128::from(counter) << 64;
        Id(high | 0b10 << 62 | u128::from(tail >> 2))
    }
}

/// Ids at one fixed moment, as a view draws them: a command that is run again draws the same ones again.
pub(crate) struct IdsAt<'a> {
    pub ids: &'a Ids,
    pub now: Time,
    /// What earlier runs of the command drew.
    pub drawn: &'a mut Vec<Id>,
    pub next: usize,
}

impl IdSource for IdsAt<'_> {
    fn next_id(&mut self) -> Id {
        if self.next == self.drawn.len() {
            self.drawn.push(self.ids.next(self.now));
        }
        self.next += 1;
        self.drawn[self.next - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_process_draws_larger_ids_even_when_the_clock_went_back() {
        let (earlier, later) = (Ids::new(7), Ids::new(8));
        let now = Time(1_000_000);
        let last = std::iter::repeat_with(|| earlier.next(now)).take(10_000).last();
        later.go_on_after(earlier.latest());
        assert!(Some(later.next(Time(0))) > last);
    }

    #[test]
    fn ids_increase_even_when_the_clock_does_not() {
        let ids = Ids::new(7);
        let mut last = Id(0);
        for step in 0..10_000 {
            let id = ids.next(Time(if step < 5_000 { 1_000_000 } else { 999_000 }));
            assert!(id > last);
            assert_eq!(id.0 >> 76 & 0xf, 7, "version nibble");
            last = id;
        }
    }
}

//! What a seed decides, and what came of it: chance, the trace of a run, counts, and the first thing that was wrong.
//! Clones share everything; whoever draws does so in an order that the seed alone gives.

use std::fmt::{Display, Write as _};
use std::sync::{Arc, Mutex, MutexGuard};

/// How much of everything a run had in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub steps: u32,
    pub crashes: u32,
    pub stops: u32,
    pub stale: u32,
    pub lost_answers: u32,
    /// How often the wall clock was set while the engine ran.
    pub clock_sets: u32,
    pub reordered: u32,
    pub hand_overs: u32,
    pub callbacks: u32,
    pub messages: u32,
}

struct Inner {
    state: u64,
    trace: String,
    wrong: Option<String>,
    counts: Counts,
}

/// One run's fate.
#[derive(Clone)]
pub struct Fate(Arc<Mutex<Inner>>);

impl Fate {
    pub fn of(seed: u64) -> Fate {
        let inner = Inner { state: seed, trace: String::new(), wrong: None, counts: Counts::default() };
        Fate(Arc::new(Mutex::new(inner)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// SplitMix64: any seed will do, zero included.
    fn draw(&self) -> u64 {
        let mut inner = self.inner();
        inner.state = inner.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (inner.state ^ (inner.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&self, end: usize) -> usize {
        (self.draw() % end as u64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&self, low: i64, high: i64) -> i64 {
        low + (self.draw() % (high - low + 1) as u64) as i64
    }

    pub fn percent(&self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<T: Clone>(&self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// One of these, each as often as its weight says.
    pub fn weighted<T: Copy>(&self, all: &[(usize, T)]) -> T {
        let mut left = self.below(all.iter().map(|(weight, _)| weight).sum());
        for (weight, one) in all {
            if left < *weight {
                return *one;
            }
            left -= weight;
        }
        unreachable!("the weights were summed")
    }

    /// Writes a line of the trace.
    pub fn note(&self, line: impl Display) {
        let mut inner = self.inner();
        let step = inner.counts.steps;
        writeln!(inner.trace, "{step} {line}").unwrap();
    }

    /// An invariant does not hold. The first one counts.
    pub fn wrong(&self, what: impl Display) {
        self.note(format_args!("WRONG: {what}"));
        self.inner().wrong.get_or_insert(what.to_string());
    }

    pub fn demand(&self, holds: bool, what: impl Display) {
        if !holds {
            self.wrong(what);
        }
    }

    pub fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.inner().counts);
    }

    pub fn counts(&self) -> Counts {
        self.inner().counts
    }

    pub fn is_wrong(&self) -> bool {
        self.inner().wrong.is_some()
    }

    /// What was wrong, and the trace.
    pub fn end(&self) -> (Option<String>, String) {
        let inner = self.inner();
        (inner.wrong.clone(), inner.trace.clone())
    }
}

//! Token buckets of a face: so many a second for each key, with bursts of one second's worth.

use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use domain::time::Time;
use engine::buckets::Rate;

/// One bucket for each key.
#[derive(Debug)]
pub struct Buckets<K> {
    /// `None` for no limit.
    rate: Option<Rate>,
    kept: Mutex<engine::buckets::Buckets<K>>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Buckets of this rate; 0 is no limit.
    pub fn new(per_second: u32) -> Buckets<K> {
        Buckets { rate: Rate::new(per_second, 1_000, per_second), kept: Mutex::default() }
    }

    /// Takes a token at `now_ms`, or says in how many milliseconds there will be one.
    pub fn take(&self, key: K, now_ms: i64) -> Result<(), u64> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take(key, rate, Time(now_ms)).map_err(i64::unsigned_abs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(buckets: &Buckets<u8>, key: u8, now_ms: i64, tries: usize) -> usize {
        (0..tries).filter(|_| buckets.take(key, now_ms).is_ok()).count()
    }

    #[test]
    fn a_second_holds_its_number_and_no_more() {
        let buckets = Buckets::new(20);
        assert_eq!(taken(&buckets, 1, 0, 100), 20);
        assert_eq!(buckets.take(1, 0), Err(50));
        assert_eq!(taken(&buckets, 1, 49, 100), 0);
        assert_eq!(taken(&buckets, 1, 50, 100), 1);
        assert_eq!(taken(&buckets, 1, 1_050, 100), 20, "a second later it is full again");
    }

    #[test]
    fn keys_do_not_share() {
        let buckets = Buckets::new(1);
        assert_eq!((taken(&buckets, 1, 0, 9), taken(&buckets, 2, 0, 9)), (1, 1));
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(taken(&Buckets::new(0), 1, 0, 10_000), 10_000);
    }

    #[test]
    fn a_clock_that_jumps_back_shuts_it_for_a_second_at_most() {
        let buckets = Buckets::new(10);
        assert_eq!(taken(&buckets, 1, 86_400_000, 10), 10);
        assert_eq!(buckets.take(1, 0), Err(100));
        assert_eq!(taken(&buckets, 1, 100, 10), 1);
        assert_eq!(taken(&buckets, 1, 1_100, 100), 10);
    }
}

//! Token buckets by key: so many a second for each, with bursts of one second's worth.
//!
//! A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm), so that full
//! ones need not be kept. Time is handed in; a clock that jumps back never shuts a bucket for longer than a second.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

const SECOND_US: i64 = 1_000_000;
/// Buckets kept before full ones are forgotten.
const KEPT_MAX: usize = 10_000;

/// One bucket for each key.
#[derive(Debug)]
pub struct Buckets<K> {
    /// What one token takes to come back; `None` for no limit.
    interval_us: Option<i64>,
    full_at_us: Mutex<HashMap<K, i64>>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Buckets of this rate; 0 is no limit.
    pub fn new(per_second: u32) -> Buckets<K> {
        let interval_us = (per_second > 0).then(|| SECOND_US / i64::from(per_second));
        Buckets { interval_us, full_at_us: Mutex::default() }
    }

    /// Takes a token at `now_ms`, or says in how many milliseconds there will be one.
    pub fn take(&self, key: K, now_ms: i64) -> Result<(), u64> {
        let Some(interval_us) = self.interval_us else { return Ok(()) };
        let now_us = now_ms.saturating_mul(1_000);
        let mut kept = self.full_at_us.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, full_at_us| *full_at_us > now_us);
        }
        let full_at_us = kept.entry(key).or_insert(now_us);
        *full_at_us = (*full_at_us).clamp(now_us, now_us.saturating_add(SECOND_US));
        let then_full_at_us = *full_at_us + interval_us;
        match then_full_at_us - now_us - SECOND_US {
            ..=0 => {
                *full_at_us = then_full_at_us;
                Ok(())
            }
            missing_us => Err(missing_us.unsigned_abs().div_ceil(1_000)),
        }
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

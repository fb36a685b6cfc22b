//! Token buckets: so many in a time, with a burst. For providers' rates, and for what faces promise their clients.
//!
//! A bucket is one number, the moment at which it will be full again (the generic cell rate algorithm), so that full
//! ones need not be kept. Time is handed in; a clock that jumps back never shuts a bucket for longer than it takes to
//! fill.

use std::collections::HashMap;
use std::hash::Hash;

use domain::time::Time;

/// Buckets kept before full ones are forgotten.
const KEPT_MAX: usize = 10_000;

/// How fast tokens come back, and how many a full bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What one token takes to come back.
    interval_us: i64,
    /// What an empty bucket takes to fill.
    depth_us: i64,
}

impl Rate {
    /// `count` in `per_ms` milliseconds, of which `burst`, but at least one, may come at once; `None` for a `count`
    /// of 0: no limit.
    pub fn new(count: u32, per_ms: u32, burst: u32) -> Option<Rate> {
        let interval_us = (i64::from(per_ms) * 1_000).checked_div(i64::from(count))?.max(1);
        Some(Rate { interval_us, depth_us: interval_us * i64::from(burst.max(1)) })
    }
}

/// One bucket; full when new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    full_at_us: i64,
}

impl Bucket {
    /// Milliseconds until there is a token; 0 when there is one.
    pub fn wait_ms(&mut self, rate: Rate, now: Time) -> i64 {
        let now_us = now.0.saturating_mul(1_000);
        // Kept: after a jump back it fills from now on, not from each look on.
        self.full_at_us = self.full_at_us.clamp(now_us, now_us.saturating_add(rate.depth_us));
        let missing_us = self.full_at_us + rate.interval_us - now_us - rate.depth_us;
        missing_us.max(0).unsigned_abs().div_ceil(1_000) as i64
    }

    /// Takes a token, or says in how many milliseconds there will be one.
    pub fn take(&mut self, rate: Rate, now: Time) -> Result<(), i64> {
        match self.wait_ms(rate, now) {
            0 => {
                self.full_at_us += rate.interval_us;
                Ok(())
            }
            wait_ms => Err(wait_ms),
        }
    }

    /// Puts a token back that was not used.
    pub fn give_back(&mut self, rate: Rate) {
        self.full_at_us -= rate.interval_us;
    }

    /// When nothing is missing any more.
    pub fn full_at(self) -> Time {
        Time(self.full_at_us.div_euclid(1_000) + 1)
    }
}

/// A bucket for each key; full ones are not kept.
#[derive(Debug)]
pub struct Buckets<K> {
    kept: HashMap<K, Bucket>,
    /// How many are kept before full ones are looked for.
    kept_max: usize,
}

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Buckets { kept: HashMap::new(), kept_max: KEPT_MAX }
    }
}

impl<K: Eq + Hash> Buckets<K> {
    /// Takes a token from the key's bucket, or says in how many milliseconds there will be one.
    pub fn take(&mut self, key: K, rate: Rate, now: Time) -> Result<(), i64> {
        if self.kept.len() >= self.kept_max {
            self.kept.retain(|_, bucket| bucket.full_at() > now);
            self.kept_max = KEPT_MAX.max(2 * self.kept.len());
        }
        self.kept.entry(key).or_default().take(rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, rate: Rate, now: i64) -> usize {
        std::iter::repeat_with(|| bucket.take(rate, Time(now))).take_while(Result::is_ok).count()
    }

    #[test]
    fn a_burst_comes_at_once_and_the_rest_at_the_rate() {
        let (mut bucket, rate) = (Bucket::default(), Rate::new(10, 60_000, 3).unwrap());
        assert_eq!(taken(&mut bucket, rate, 1_000), 3);
        assert_eq!(bucket.take(rate, Time(1_000)), Err(6_000));
        assert_eq!(taken(&mut bucket, rate, 6_999), 0);
        assert_eq!(taken(&mut bucket, rate, 7_000), 1);
        assert_eq!(taken(&mut bucket, rate, 100_000), 3, "no more than a burst is saved up");
    }

    #[test]
    fn a_token_given_back_can_be_taken_again() {
        let (mut bucket, rate) = (Bucket::default(), Rate::new(1, 1_000, 1).unwrap());
        assert_eq!(taken(&mut bucket, rate, 5), 1);
        bucket.give_back(rate);
        assert_eq!(taken(&mut bucket, rate, 5), 1);
    }

    #[test]
    fn full_buckets_are_forgotten_and_others_are_not() {
        let (mut buckets, rate) = (Buckets::default(), Rate::new(1, 1_000, 1).unwrap());
        (1..KEPT_MAX).for_each(|key| buckets.take(key, rate, Time(0)).unwrap());
        buckets.take(KEPT_MAX, rate, Time(1_500)).unwrap();
        buckets.take(0, rate, Time(2_000)).unwrap();
        assert_eq!(buckets.kept.len(), 2);
        assert_eq!(buckets.take(KEPT_MAX, rate, Time(2_000)), Err(500));
    }
}
